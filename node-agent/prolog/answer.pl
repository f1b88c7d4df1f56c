:- module(logic,
          [ answer/1,                   % +Data
            solved/5,                   % +Data, -Question, -Now, -Revision, -Answers
            evaluated/6,                % +Data, +Site, -Question, -Now, -Revision, -Answers
            counted/1,                  % :Goal
            set_budgets/1,              % +Dict
            budget/2,                   % ?Name, ?Value
            take_stamp/4                % +Pengine, +Last, -Now, -Revision
          ]).
:- use_module(library(lists)).
:- use_module(library(error)).
:- use_module(library(time), [call_with_time_limit/2]).
:- use_module(library(pengines), [pengine_self/1, pengine_property/2]).
:- use_module(knowledge).

/** <module> Answering one question: one snapshot, one revision, one set of budgets

The pengine application `logic`. Vetting (vet.pl) turns whatever a client asked into the single goal `logic:answer(Data)`;
this runs it whole inside one snapshot/1, under the wall, inference, stack and answer budgets, and then gives
out the collected answers, so that a client's `next` walks a list and never resumes a derivation. (snapshot/1 and the limits
are once/1: evaluating lazily inside them would lose answers without a word. SHARP-EDGES 1.)
*/

%   budget(Name, Value): wall (seconds), inferences, stack (bytes), tables (bytes), answers, steps, reply (bytes).
:- dynamic budget/2.
%   stamp(Pengine, Now, Revision): of the last question that a pengine ran, until its reply is written.
:- dynamic stamp/3.

%!  set_budgets(+Limits:dict) is det.
%
%   Take the limits that the agent hands over at start (shared/src/limits.ts).

set_budgets(Limits) :-
    must_be(positive_integer, Limits.wallMs),
    Wall is Limits.wallMs/1000.0,
    retractall(budget(_, _)),
    assertz(budget(wall, Wall)),
    assertz(budget(inferences, Limits.inferences)),
    assertz(budget(stack, Limits.stackBytes)),
    assertz(budget(tables, Limits.tableBytes)),
    assertz(budget(answers, Limits.answers)),
    assertz(budget(steps, Limits.proofSteps)),
    assertz(budget(reply, Limits.replyBytes)).

%!  answer(+Data) is nondet.
%
%   Data is `run(Question)`: succeed once for each answer, binding the question's variables. Or
%   `refused(Code, Message)`: throw that. The argument is opaque: nothing expands or calls what is in it.

answer(Data) :-
    solved(Data, Question, Now, Revision, Answers),
    prove:question_columns(Question, Vars, Proof),
    put_stamp(Now, Revision),
    member(answer(Vars, Proof), Answers).

%!  solved(+Data, -Question, -Now, -Revision, -Answers) is det.
%
%   Answers of the vetted question, all of them, at Now and Revision, within the budgets.
%
%   @throws logic(Code, Message) for what was refused, and for a budget that was met

solved(Data, Question, Now, Revision, Answers) :-
    bounded(logic:evaluated(Data, site, Question, Now, Revision, Answers)).

%!  evaluated(+Data, +Site, -Question, -Now, -Revision, -Answers) is det.
%
%   The same for a caller that is under the budgets already, at Site: the module of its facts. Both doors come here.

evaluated(refused(Code, Message), _, _, _, _, _) :-
    throw(error(logic(Code, Message), _)).
evaluated(run(Question), Site, Question, Now, Revision, Answers) :-
    get_time(Seconds),
    Now is floor(Seconds*1000),
    snapshot(evaluate(Question, Site, Now, Revision, Answers)).

%   Under the wall and inference budgets; the thread has the stack's (SHARP-EDGES 9).
bounded(Goal) :-
    budget(wall, Wall),
    counted(call_with_time_limit(Wall, Goal)).

%!  counted(:Goal) is semidet.
%
%   Goal, once, under the inference budget, where somebody else looks at the clock: what a budget's end throws is given its name.
%
%   @throws logic(Code, Message) for a budget that was met

:- meta_predicate counted(0), bounded(0).

counted(Goal) :-
    budget(inferences, Inferences),
    catch(call_with_inference_limit(Goal, Inferences, Result), Ball, budget_met(Ball)),
    (   Result == inference_limit_exceeded
    ->  logic_errors:refuse(inference_limit, ['stopped after ', Inferences, ' inferences'])
    ;   true
    ).

evaluate(Question, Site, Now, Revision, Answers) :-
    facts:revision(Site, Revision),
    prove:answers(Question, Site, Now, Answers),
    budget(answers, Most),
    length(Answers, Count),
    (   Count =< Most
    ->  true
    ;   logic_errors:refuse(answer_limit, [Count, ' answers, at most ', Most, ' are given'])
    ),
    budget(steps, MostSteps),
    forall(member(answer(_, Proof), Answers), proof_within(Proof, MostSteps)).

proof_within(Proof, _) :- \+ is_list(Proof), !.     % none was asked for, or it is an explanation
proof_within(Proof, Most) :-
    length(Proof, Steps),
    (   Steps =< Most
    ->  true
    ;   logic_errors:refuse(proof_limit, ['a proof has ', Steps, ' steps, at most ', Most, ' are given'])
    ).

budget_met(time_limit_exceeded) :-
    !,
    budget(wall, Wall),
    logic_errors:refuse(time_limit, ['stopped after ', Wall, ' s']).
budget_met(error(resource_error(_), _)) :-
    !,
    logic_errors:refuse(memory_limit, ['stopped at the stack limit']).
budget_met(Ball) :-
    throw(Ball).

%   Outside the snapshot: what is asserted inside one is gone when it ends.
put_stamp(Now, Revision) :-
    (   pengine_self(Pengine)
    ->  retractall(stamp(Pengine, _, _)),
        assertz(stamp(Pengine, Now, Revision)),
        forget_old_stamps
    ;   true
    ).

%   A session that ended without its last reply leaves a stamp behind.
forget_old_stamps :-
    predicate_property(stamp(_, _, _), number_of_clauses(Count)),
    (   Count < 256
    ->  true
    ;   forall(( stamp(Pengine, _, _), \+ pengine_property(Pengine, self(_)) ),
               retractall(stamp(Pengine, _, _)))
    ).

%!  take_stamp(+Pengine, +Last, -Now, -Revision) is semidet.
%
%   When and at which revision Pengine's question was evaluated. Pages of one question share a stamp; it goes with the
%   event that is the Last (true).

take_stamp(Pengine, Last, Now, Revision) :-
    stamp(Pengine, Now, Revision),
    !,
    (   Last == true
    ->  retractall(stamp(Pengine, _, _))
    ;   true
    ).
