:- module(vet,
          [ vetted/3,                   % +Goal0, +Options, -Data
            verdict/2,                  % +Text, -Data
            drop_tagged/1,              % +Tag
            forget_tag/1                % +Tag
          ]).
:- use_module(library(lists)).
:- use_module(library(option)).
:- use_module(library(pengines)).
:- use_module(answer, []).
:- use_module(reply, []).
:- use_module(knowledge).

/** <module> Vetting: nothing runs that is not in the closed language

The first door's hooks. `pengines:prepare_goal/3` sees every goal, in `create` and in a later `ask`. If it failed, the goal
would run as it came (SHARP-EDGES 6), so it never fails and never throws: whatever was asked becomes
`logic:answer(Data)`, where Data is either the checked question or the refusal. (Thrown from the hook, an error would also leave
the pengine alive in spite of `destroy:true`; thrown by the goal, it does not.)

The check itself is `language:check_question/4` of the knowledge base; nothing here knows a predicate by name.
*/

:- multifile
    pengines:prepare_goal/3,
    pengines:prepare_module/3,
    pengines:authentication_hook/3,
    pengines:not_sandboxed/2.

pengines:prepare_goal(Goal0, logic:answer(Data), Options) :-
    vetted(Goal0, Options, Data).

%   The closed language is the wall (DESIGN section 3); the sandbox would only inspect logic:answer/1 at each question, and it
%   can be escaped. Leaving it out asks for a user: the one user of this socket is the agent.
pengines:not_sandboxed(agent, _).

pengines:authentication_hook(_, _, agent).

pengines:prepare_module(_, _, Options) :-
    note_tag(Options),
    logic:budget(stack, Stack),
    logic:budget(tables, Tables),
    set_prolog_flag(stack_limit, Stack),
    set_prolog_flag(table_space, Tables),
    (   foreign_source(Options)
    ->  throw(error(logic(forbidden_source, "src_text and src_url are not accepted"), _))
    ;   true
    ).

%   tagged(Tag, Thread): a pengine of a create that is under way or was answered. dropped(Tag): its caller left before it began.
:- dynamic tagged/2, dropped/1.

%   The caller of a create knows no id yet. So the agent gives each create a tag (as `alias`, which means nothing to a pengine
%   made over HTTP), by which its pengine can be ended.
note_tag(Options) :-
    option(alias(Tag), Options),
    !,
    with_mutex(pengine_tags, noted(Tag)).
note_tag(_).

noted(Tag) :-
    (   retract(dropped(Tag))
    ->  throw(error(logic(cancelled, "nobody waits for the answer"), _))
    ;   thread_self(Thread),
        assertz(tagged(Tag, Thread)),
        thread_at_exit(retractall(vet:tagged(Tag, _)))
    ).

%!  drop_tagged(+Tag:string) is det.
%
%   End the pengine of that tag, or keep it from beginning.

drop_tagged(Tag) :-
    with_mutex(pengine_tags,
               (   tagged(Tag, Thread)
               ->  catch(thread_signal(Thread, abort), error(_, _), true)
               ;   assertz(dropped(Tag))
               )).

%!  forget_tag(+Tag:string) is det.

forget_tag(Tag) :-
    retractall(dropped(Tag)).

foreign_source(Options) :-
    option(src_url(_), Options).
foreign_source(Options) :-
    option(src_text(Text), Options),
    \+ blank(Text).

blank(Text) :-
    catch(normalize_space(string(""), Text), error(_, _), fail).

%!  vetted(+Goal0, +Options, -Data) is det.
%
%   Data is run(Question) or refused(Code, Message). Options are those of the pengine's ask: `template` and `bindings`.

vetted(Goal0, Options, Data) :-
    catch(vet(Goal0, Options, Data0), Error, refusal(Error, Data0)),
    !,
    Data = Data0.
vetted(_, _, refused(internal, "vetting failed")).

%!  verdict(+Text:string, -Data) is det.
%
%   The same for a question that nobody asks yet: read and vetted under the budgets of one that runs, and no more.

verdict(Text, Data) :-
    current_prolog_flag(stack_limit, Before),
    logic:budget(stack, Stack),
    setup_call_cleanup(
        set_prolog_flag(stack_limit, Stack),
        catch(logic:bounded(vet:read_and_vetted(Text, Data0)), Error, untold(Error, Data0)),
        set_prolog_flag(stack_limit, Before)),
    Data = Data0.

read_and_vetted(Text, Data) :-
    string_length(Text, Length),
    longest_question(Most),
    (   Length > Most
    ->  Data = refused(too_large, "the question is too large")
    ;   term_string(Ask, Text, [variable_names(Bindings), module(logic)]),
        dict_create(Named, _, Bindings),
        vetted(Ask, [template(Named), bindings(Bindings)], Data)
    ).

%   The agent bounds what a person may send, and writes it anew: as the lane's frames.
longest_question(1048576).

untold(Error, refused(Code, Message)) :-
    reply:plain_error(Error, error(logic(Code, Message), _)).

refusal(error(logic(Code, Message), _), refused(Code, Message)) :- !.
refusal(error(resource_error(_), _), refused(memory_limit, "the question is too large")) :- !.
refusal(error(_, _), refused(internal, "vetting failed")) :- !.
refusal(Signal, _) :- throw(Signal).                   % an abort, or the time limit: not the vetting's

vet(Goal0, Options, run(Question)) :-
    prove:ask_parts(Goal0, Goal, Form, _),
    result_variable(Form, Proof),
    option(template(Template), Options, Goal0),
    (   is_dict(Template)                               % the default: the question's named variables
    ->  option(bindings(Bindings), Options, []),
        language:answer_variables(Goal, Bindings, Named),
        pairs(Named, Vars),
        proof_binding(Proof, Bindings, Named, Shown),
        b_setval('$variable_names', Shown)
    ;   template_variables(Template, Goal0, Goal, Proof, Vars)
    ),
    prove:question(Goal0, Vars, none, Question),
    option(bindings(Names), Options, []),
    language:refuse_named_locals(Goal, Names).

%   result_variable(+Form, -Var): the variable of a proof or an explanation, `none` where the ask has none.
result_variable(none, none).
result_variable(proof(Var), Var).
result_variable(why(Var), Var).

pairs([], []).
pairs([_=V|T0], [V|T]) :- pairs(T0, T).

proof_binding(Proof, _, Named, Named) :- Proof == none, !.
proof_binding(Proof, Bindings, Named, Shown) :-
    (   member(Name=V, Bindings),
        V == Proof
    ->  append(Named, [Name=Proof], Shown)
    ;   Shown = Named
    ).

%   A template of our own client, or of pengine_rpc/3: a list or a compound of variables. Without one, the template is the goal.
template_variables(Template, Goal0, Goal, _, Vars) :-
    Template == Goal0,
    !,
    language:local_variables(Goal, Vars).
template_variables(Template, _, _, Proof, Vars) :-
    (   template_arguments(Template, Args),
        forall(member(A, Args), var(A))
    ->  without(Args, Proof, Vars)
    ;   logic_errors:refuse(type_error, ['a template is a list or a compound of variables'])
    ).

template_arguments(Template, [Template]) :- var(Template), !.
template_arguments(Template, Template) :- is_list(Template), !.
template_arguments(Template, Args) :- compound(Template), compound_name_arguments(Template, _, Args).
template_arguments(Template, []) :- atom(Template).

without([], _, []).
without([V|T0], Proof, T) :- V == Proof, !, without(T0, Proof, T).
without([V|T0], Proof, [V|T]) :- without(T0, Proof, T).
