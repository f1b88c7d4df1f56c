:- use_module(library(pengines)).
:- pengine_application(logic).
:- use_module(answer).
:- use_module(vet).
:- use_module(reply).
:- use_module(state).
:- use_module(library(aggregate)).
:- use_module(library(http/json)).

/** <tests> Vetting, budgets and what an event looks like on the wire. The whole server is tested through its sockets by
src/prolog and src/pengine in TypeScript. */

limits(_{answers:100, proofSteps:1000, wallMs:300, inferences:2 000 000, stackBytes:33554432, tableBytes:16777216, replyBytes:100000}).

:- begin_tests(vet).

verdict(Goal, Options, Verdict) :-
    vetted(Goal, Options, Data),
    (   Data = refused(Code, _)
    ->  Verdict = Code
    ;   Data = run(question(_, _, _, _)),
        Verdict = run
    ).

test(a_question_of_the_catalogue_runs, V == run) :- verdict(node_status(N,S), [template([N,S])], V).
test(a_variable_is_refused_not_failed, V == type_error) :- verdict(_, [], V).
test(a_number_is_refused_not_failed, V == type_error) :- verdict(7, [], V).
test(shell_is_refused, V == unknown_predicate) :- verdict(shell(ls), [], V).
test(shell_inside_a_proof_is_refused, V == unknown_predicate) :- verdict(prove(shell(ls), _), [], V).
test(shell_inside_an_aggregate_is_refused, V == unknown_predicate) :- verdict(aggregate_all(count, shell(ls), _), [], V).
test(shell_inside_a_negation_is_refused, V == unknown_predicate) :- verdict(\+ shell(ls), [], V).
test(a_qualified_goal_is_refused, V == unknown_predicate) :- verdict(system:node(_), [], V).
test(format_is_refused, V == unknown_predicate) :- verdict(format("~@", [shell(ls)]), [], V).
test(print_message_is_refused, V == unknown_predicate) :- verdict(print_message(error, format("~@", [shell(ls)])), [], V).
test(a_dict_call_is_refused, V == type_error) :- dict_create(D, _, [a-1]), verdict(node(D), [], V).
test(our_own_answer_goal_is_refused, V == unknown_predicate) :- verdict(logic:answer(run(x)), [], V).
test(a_twin_is_refused, V == unknown_predicate) :- verdict(derived:node_status(_,_,user,0,_), [], V).
test(a_cyclic_goal_is_refused, V == type_error) :- X = node(X), verdict(X, [template([])], V).
test(a_nested_prove_is_refused, V == unknown_predicate) :- verdict(prove(prove(node(_),_),_), [], V).
test(a_proof_is_shown_under_its_name_where_no_template_is_given, V == run) :-
    verdict(prove(node(N),P), [template(_{'N':N, 'P':P}), bindings(['N'=N,'P'=P])], V).
test(a_bound_proof_is_refused, V == type_error) :- verdict(prove(node(_), []), [], V).
test(a_template_with_a_call_in_it_is_refused, V == type_error) :- verdict(node(N), [template(f(N,shell(ls)))], V).
test(what_stops_the_vetting_is_not_its_verdict, [forall(member(Ball, [abort_query, time_limit_exceeded])), throws(Ball)]) :-
    vet:refusal(Ball, _).
test(an_error_in_the_vetting_is_told_as_one, V == refused(internal, "vetting failed")) :- vet:refusal(error(type_error(a, b), _), V).

:- end_tests(vet).

:- begin_tests(verdict, [setup(( limits(L), set_budgets(L) ))]).

said(Text, Code) :-
    verdict(Text, Data),
    (   Data = refused(Code, _)
    ->  true
    ;   Data = run(_),
        Code = run
    ).

test(a_text_is_vetted_and_not_run, Code == run) :- said("node_status(N, S), S == down", Code).
test(whatever_an_ask_may_be_is_vetted, [forall(member(Text, ["prove(node(N), P)", "why_not(node_status(pve1, down), W)",
                                                             "assuming([node_up(pve1, false)], has_quorum(C))", "node(_)"])),
                                        true(Code == run)]) :-
    said(Text, Code).
test(what_asking_refuses_is_refused, [forall(member(Text-Expected, ["shell(ls)"-unknown_predicate, "node(N), X > 1"-unbound_argument,
                                                                    "node(N"-syntax_error, "node(N) :- x"-unknown_predicate,
                                                                    "\\+ node(N)"-free_variable, ""-unknown_predicate, "X"-type_error])),
                                      true(Code == Expected)]) :-
    said(Text, Code).
test(a_text_of_megabytes_is_refused_unread, Code == too_large) :-
    length(Codes, 1 100 000), maplist(=(0'a), Codes), string_codes(Text, Codes),
    said(Text, Code).
test(the_stack_limit_of_the_thread_is_as_before, Before == After) :-
    current_prolog_flag(stack_limit, Before),
    said("node(N)", _),
    current_prolog_flag(stack_limit, After).

:- end_tests(verdict).

:- begin_tests(answer, [setup(( limits(L), set_budgets(L) ))]).

code(Goal, Code) :-
    vetted(Goal, [template(Goal)], Data),
    catch(( logic:answer(Data), Code = answered ), error(logic(Code, _), _), true),
    !.

nodes(0, true) :- !.
nodes(N, (node(_),G)) :- M is N-1, nodes(M, G).

test(an_answer_comes_with_its_proof, nondet) :-
    vetted(prove(node_status(N,S), P), [template([N,S,P])], Data),
    logic:answer(Data),
    ground(N-S-P).
test(a_long_question_meets_a_budget, Met == true) :-
    nodes(40, G),
    code((node(N), aggregate_all(count, G, C), C > 0, \+ node_up(N,_)), Code),
    ( memberchk(Code, [time_limit,inference_limit,memory_limit]) -> Met = true ; Met = Code ).
test(many_answers_meet_the_answer_limit, Code == answer_limit) :-
    code((node(A), node(B), node(C), node(D), node_class(A,_), node_class(B,_), node_class(C,_), node_class(D,_)), Code).
test(after_a_budget_was_met_the_next_question_is_answered, Code == answered) :-
    nodes(40, G),
    code(aggregate_all(count, G, _), _),
    code(node(_), Code).

:- end_tests(answer).

:- begin_tests(reply, [setup(( limits(L), set_budgets(L) ))]).

written(Format, Event, Text) :-
    with_output_to(string(Text), pengines:write_result(Format, Event, _{})).

test(an_error_names_its_code_and_nothing_else, nondet) :-
    written(prolog, error(id, error(type_error(evil, format("~@", [shell(ls)])), _)), Text),
    sub_string(Text, _, _, _, "logic(internal"),
    \+ sub_string(Text, _, _, _, "shell").
test(a_question_aborted_while_it_is_vetted_is_aborted, [forall(member(Format, [prolog, json])), nondet]) :-
    written(Format, error(id, abort_query), Text),
    sub_string(Text, _, _, _, "abort"),
    \+ sub_string(Text, _, _, _, "error").
test(a_large_integer_is_marked, nondet) :-
    written(json, success(id, [[9007199254740993]], [], 0.1, false), Text),
    sub_string(Text, _, _, _, "\"9007199254740993\"").
test(true_is_a_string_in_json, nondet) :-
    written(json, success(id, [[true]], [], 0.1, false), Text),
    sub_string(Text, _, _, _, "\"true\"").

test(a_reply_over_the_limit_is_told_too_large, [forall(member(Format, [prolog, json])), nondet]) :-
    numlist(1, 100 000, Long),
    written(Format, create(id, [answer(destroy(id, success(id, [[Long]], ['L'], 0.1, false)))]), Text),
    sub_string(Text, _, _, _, "too_large"),
    string_length(Text, Length),
    Length < 1000.

:- end_tests(reply).
