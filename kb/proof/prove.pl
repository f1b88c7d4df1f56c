:- module(prove,
          [ answers/4,                  % +Question, +Site, +Now, -Answers
            question/4,                 % +Ask, +AnswerVars, +Proof, -Question
            ask_parts/4,                % +Ask, -Goal, -Proof, -Assumptions
            question_columns/3          % +Question, -AnswerVars, -Proof
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(errors).
:- use_module(language).
:- use_module(assume).
:- use_module(explain).
:- use_module(twin).
:- use_module(lemma).
:- use_module(unfold).
:- use_module(straight, [straight/1]).

/** <module> Answers and their proofs

Runs a checked question at one site and one time, and writes each answer's proof as a numbered list of steps
(docs/protocol.md section 3). Deterministic: answers come distinct and in canonical order, and of several proofs of an
answer the first in standard order is kept, so the same facts and the same Now give the same bytes.

    ?- question(node_status(N,S), [N,S], P, Q), answers(Q, site, 1732400000000, Answers).
    ?- question(assuming([node_up(a,false)], node_status(N,S)), [N,S], none, Q), answers(Q, site, 1732400000000, Answers).

A question is `question(Goal, AnswerVars, Proof, Assumed)`, Goal in normal form; or `why_not(Goal, Why, Assumed)`.
*/

%!  ask_parts(+Ask, -Goal, -Proof, -Assumptions) is det.
%
%   Take an ask apart, as it was read: `Goal`, `prove(Goal, Proof)`, `why_not(Goal, Why)`, and each of these inside of
%   `assuming(Assumptions, Ask)`. Proof is `none`, proof(Var), or why(Var).
%
%   @throws logic(type_error, _)

ask_parts(Ask, Goal, Proof, Assumptions) :-
    (   nonvar(Ask), Ask = assuming(Assumptions, Inner)
    ->  true
    ;   Inner = Ask, Assumptions = []
    ),
    (   nonvar(Inner), result_form(Inner, Goal, Var, Proof)
    ->  (   var(Var), \+ ( term_variables(Goal-Assumptions, Vars), member(V, Vars), V == Var )
        ->  true
        ;   refuse(type_error, ['the second argument of prove/2 and why_not/2 is a new variable'])
        )
    ;   Goal = Inner, Proof = none
    ).

result_form(prove(Goal, Var), Goal, Var, proof(Var)).
result_form(why_not(Goal, Var), Goal, Var, why(Var)).

%!  question(+Ask, +AnswerVars, +Proof, -Question) is det.
%
%   Check Ask. Proof is `none`, or a variable for the proof of each answer; an Ask that names its own has `none` here.
%
%   @throws logic(Code, Message)

question(Ask, AnswerVars, Proof0, Question) :-
    ask_parts(Ask, Goal0, Proof1, Assumptions),
    assumptions(Assumptions, Assumed),
    (   Proof1 = why(Why)
    ->  explained_goal(Goal0, Goal),
        Question = why_not(Goal, Why, Assumed)
    ;   check_question(Goal0, AnswerVars, Goal, _),
        ( Proof1 = proof(Proof) -> true ; Proof = Proof0 ),
        Question = question(Goal, AnswerVars, Proof, Assumed)
    ).

%!  question_columns(+Question, -AnswerVars, -Proof) is det.
%
%   The variables that an answer binds: answer(Values, Proof) unifies with them.

question_columns(question(_, Vars, Proof, _), Vars, Proof).
question_columns(why_not(_, Why, _), [], Why).

%!  answers(+Question, +Site, +Now, -Answers) is det.
%
%   Answers is a list of answer(Values, Proof), Values of the answer variables in order, Proof `none` where none was asked for.
%   Wall time, inferences, stack and the number of answers are bounded by the caller.

answers(Question, Site, Now, Answers) :-
    (   Question = question(_, _, Proof, _), Proof \== none
    ->  begin_lemmas(kept)
    ;   begin_lemmas(none)
    ),
    assumed(Question, Assumed),
    (   Assumed == []
    ->  derive(Question, Site, Now, Answers)
    ;   snapshot(( assume_facts(Assumed, Site, Now), derive(Question, Site, Now, Answers) ))
    ),
    forget_lemmas.

assumed(question(_, _, _, Assumed), Assumed).
assumed(why_not(_, _, Assumed), Assumed).

derive(why_not(Goal, _, _), Site, Now, Answers) :-
    findall(answer([], Why), explain(Goal, Site, Now, Why), Answers).
derive(question(Goal, Vars, Proof, Assumed), Site, Now, Answers) :-
    body_goal(Goal, Site, Now, Parts, [], Run),
    (   Proof == none
    ->  findall(answer(Vars, none), Run, Answers0),
        sort(Answers0, Answers)
    ;   Parts = [call(Call)], straight(Call)
    ->  findall(answer(Vars, Call), Run, Answers0),
        first_proofs(Answers0, call_trees, Answers1),
        straight_proofs(Answers1, Answers2),
        name_assumptions(Assumed, Answers2, Answers)
    ;   findall(answer(Vars, Parts), Run, Answers0),
        first_proofs(Answers0, answer_trees, Answers1),
        maplist(answer_proof, Answers1, Answers2),
        name_assumptions(Assumed, Answers2, Answers)
    ).

call_trees(answer(_, Call), Tree) :-
    call_tree(Call, Tree).

answer_trees(answer(_, Parts), Trees) :-
    part_trees(Parts, Trees).

%   straight_proofs(+Answers0, -Answers): of a single predicate whose proofs were compiled.
straight_proofs([], []).
straight_proofs([answer(Values, Call)|Answers0], [answer(Values, Proof)|Answers]) :-
    (   call(derived_proof:Call, Proof0)
    ->  Proof = Proof0
    ;   parts_proof([call(Call)], Proof)        % a conclusion stands twice in it
    ),
    straight_proofs(Answers0, Answers).

answer_proof(answer(Values, Parts), answer(Values, Proof)) :-
    parts_proof(Parts, Proof).

parts_proof(Parts, Proof) :-
    part_trees(Parts, Trees),
    steps(Trees, Numbers, 0, N0, few(0, []), Known, Proof, [step(N,query(Numbers))]),
    forget(Known),
    N is N0+1.

name_assumptions([], Answers, Answers) :- !.
name_assumptions(Assumed, Answers0, Answers) :-
    maplist(named_assumptions(Assumed), Answers0, Answers).

named_assumptions(Assumed, answer(Values, Steps0), answer(Values, Steps)) :-
    maplist(named_assumption(Assumed), Steps0, Steps).

named_assumption(Assumed, step(N,fact(Fact, _)), step(N,assumed(Fact))) :-
    assumed_fact(Assumption, Assumed),
    Assumption == Fact,
    !.
named_assumption(_, Step, Step).

%   steps(+Trees, -Numbers, +N0, -N, +Known0, -Known, -Steps, ?Tail): premises before conclusions, each conclusion once. N
%   is the last number given.

steps([], [], N, N, Known, Known, Steps, Steps).
steps([Tree|Trees], Numbers, N0, N, Known0, Known, Steps0, Steps) :-
    step(Tree, Trees, Numbers, N0, N, Known0, Known, Steps0, Steps).

step(fact(Fact, Evidence), Ts, [I|Is], N0, N, K0, K, S0, S) :-
    (   number_of(Fact, K0, I)
    ->  steps(Ts, Is, N0, N, K0, K, S0, S)
    ;   I is N0+1,
        S0 = [step(I,fact(Fact, Evidence))|S1],
        learn(Fact, I, K0, K1),
        steps(Ts, Is, I, N, K1, K, S1, S)
    ).
step(rule(Id, Head, Trees), Ts, [I|Is], N0, N, K0, K, S0, S) :-
    (   number_of(Head, K0, I)
    ->  steps(Ts, Is, N0, N, K0, K, S0, S)
    ;   steps(Trees, Premises, N0, N1, K0, K1, S0, [step(I,rule(Id, Head, Premises))|S1]),
        I is N1+1,
        learn(Head, I, K1, K2),
        steps(Ts, Is, I, N, K2, K, S1, S)
    ).
step(lemma(Fact), Ts, [I|Is], N0, N, K0, K, S0, S) :-
    (   number_of(Fact, K0, I)
    ->  steps(Ts, Is, N0, N, K0, K, S0, S)
    ;   lemma_tree(Fact, Tree),
        step(Tree, Ts, [I|Is], N0, N, K0, K, S0, S)
    ).
step(eval(Goal), Ts, [I|Is], N0, N, K0, K, S0, S) :-
    (   number_of(Goal, K0, I)
    ->  steps(Ts, Is, N0, N, K0, K, S0, S)
    ;   I is N0+1,
        S0 = [step(I,eval(Goal))|S1],
        learn(Goal, I, K0, K1),
        steps(Ts, Is, I, N, K1, K, S1, S)
    ).
step(absent(Goal), Ts, [I|Is], N0, N, K0, K, S0, S) :-
    (   number_of(\+ Goal, K0, I)
    ->  steps(Ts, Is, N0, N, K0, K, S0, S)
    ;   I is N0+1,
        S0 = [step(I,absent(Goal))|S1],
        learn(\+ Goal, I, K0, K1),
        steps(Ts, Is, I, N, K1, K, S1, S)
    ).
step(all(Op, V, G, Solutions, R, TreeLists), Ts, [I|Is], N0, N, K0, K, S0, S) :-
    (   number_of(all(Op, V, G, R), K0, I)
    ->  steps(Ts, Is, N0, N, K0, K, S0, S)
    ;   append(TreeLists, Trees),
        steps(Trees, Premises, N0, N1, K0, K1, S0, [step(I,all(Op, V, G, Solutions, R, Premises))|S1]),
        I is N1+1,
        learn(all(Op, V, G, R), I, K1, K2),
        steps(Ts, Is, I, N, K2, K, S1, S)
    ).
step(seq(Ts0), Ts, Numbers, N0, N, K0, K, S0, S) :-
    append(Ts0, Ts, Trees),
    steps(Trees, Numbers, N0, N, K0, K, S0, S).

%   What is known: few(Count, Pairs), Pairs a list of Conclusion-Number, which is searched fastest while it is short; then
%   many(Trie). With the trie a proof of a hundred steps is numbered in less than half the time of library(assoc)'s tree.

most_in_list(16).

number_of(C, few(_, Pairs), N) :-
    !,
    in_list(Pairs, C, N).
number_of(C, many(Trie), N) :-
    trie_lookup(Trie, C, N).

in_list([C0-N0|T], C, N) :-
    (   C0 == C
    ->  N = N0
    ;   in_list(T, C, N)
    ).

learn(C, N, few(Count0, Pairs), Known) :-
    !,
    most_in_list(Most),
    (   Count0 < Most
    ->  Count is Count0+1,
        Known = few(Count, [C-N|Pairs])
    ;   trie_new(Trie),
        maplist(in_trie(Trie), [C-N|Pairs]),
        Known = many(Trie)
    ).
learn(C, N, many(Trie), many(Trie)) :-
    in_trie(Trie, C-N).

in_trie(Trie, C-N) :-
    trie_update(Trie, C, N).

%   A trie that an exception leaves behind goes with the next collection of atoms.
forget(few(_, _)).
forget(many(Trie)) :-
    trie_destroy(Trie).
