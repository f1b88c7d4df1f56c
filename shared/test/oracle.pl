/** <module> What SWI-Prolog says: the other side of the differential tests

Run as `swipl oracle.pl -- kb/main.pl`. Reads one JSON object a line, `{"op":Op, "text":Text, ...}`, and answers
one a line: `{"ok":Text}` or `{"error":Code}`. Ends with its input. It uses swipl's own reader, writer and is/2, and the
knowledge base's language, prover and checker.
*/

:- use_module(library(http/json)).
:- use_module(library(readutil)).
:- use_module(library(lists)).
:- use_module(library(apply)).

:- initialization(main, main).

main([Kb]) :-
    load_files(Kb, [silent(true)]),
    set_stream(user_input, encoding(utf8)),
    set_stream(user_output, encoding(utf8)),
    serve.

serve :-
    read_line_to_string(user_input, Line),
    (   Line == end_of_file
    ->  true
    ;   atom_json_dict(Line, Request, [value_string_as_atom(false)]),
        catch(answer(Request.op, Request, Ok), Error, true),
        (   nonvar(Error)
        ->  code(Error, Code),
            Reply = _{error:Code}
        ;   Reply = _{ok:Ok}
        ),
        json_write_dict(user_output, Reply, [width(0)]),
        nl(user_output),
        flush_output(user_output),
        serve
    ).

code(error(logic(Code, _), _), Code) :- !.
code(error(Formal, _), Name) :- !, functor(Formal, Name, _).
code(_, other).

%   answer(+Op, +Request, -Text)

answer("term", R, Text) :-
    term(R.text, Term, Names),
    text(Term, Names, Text).
answer("is", R, Text) :-
    term(R.text, Expression, _),
    Value is Expression,
    text(Value, [], Text).
answer("evaluate", R, Text) :-
    term(R.text, Expression, _),
    compute:evaluate(Expression, Value),
    text(Value, [], Text).
answer("holds", R, Text) :-
    term(R.text, Goal, _),
    (   compute:holds(Goal)
    ->  Text = "true"
    ;   Text = "false"
    ).
answer("order", R, Text) :-
    term(R.text, List, _),
    sort(List, Sorted),
    text(Sorted, [], Text).
answer("check", R, Text) :-
    asked(R.text, question(Goal, _, _, Assumed), Names),
    text(Goal-Assumed, Names, Text).
answer("answers", R, Text) :-
    asked(R.text, Question, _),
    prove:answers(Question, site, R.now, Answers),
    maplist([answer(Values,Proof),[Values,Proof]]>>true, Answers, Rows),
    text(Rows, [], Text).
answer("proof", R, "holds") :-
    asked(R.text, Question, _),
    term(R.values, Values, _),
    term(R.proof, Proof, _),
    proof_check:check_proof(Proof, Question, Values, [now(R.now), skew(30000)]).

asked(Text, Question, Names) :-
    term(Text, Ask, Names),
    prove:ask_parts(Ask, Goal, _, _),
    language:answer_variables(Goal, Names, Named),
    maplist([_=V,V]>>true, Named, Vars),
    prove:question(Ask, Vars, _, Question),
    language:refuse_named_locals(Goal, Names).

term(Text, Term, Names) :-
    term_string(Term, Text, [variable_names(Names), module(user)]).

text(Term, Names, Text) :-
    with_output_to(string(Text),
                   write_term(Term, [quoted(true), ignore_ops(true), variable_names(Names)])).
