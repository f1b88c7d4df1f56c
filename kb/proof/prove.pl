:- module(prove,
          [ answers/4,                  % +Question, +Site, +Now, -Answers
            question/4                  % +Goal0, +AnswerVars, +Proof, -Question
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(pairs)).
:- use_module(library(assoc)).
:- use_module(errors).
:- use_module(language).
:- use_module(twin).

/** <module> Answers and their proofs

Runs a checked question at one site and one time, and writes each answer's proof as a numbered list of steps
(docs/protocol.md section 3). Deterministic: answers come distinct and in canonical order, and of several proofs of an
answer the first in standard order is kept, so the same facts and the same Now give the same bytes.

    ?- question(node_status(N,S), [N,S], P, Q), answers(Q, site, 1732400000000, Answers).
*/

%!  question(+Goal0, +AnswerVars, +Proof, -Question) is det.
%
%   Check Goal0. Proof is `none`, or the variable for the proof of each answer.
%
%   @throws logic(Code, Message)

question(Goal0, AnswerVars, Proof, question(Goal, AnswerVars, Proof)) :-
    check_question(Goal0, AnswerVars, Goal, _).

%!  answers(+Question, +Site, +Now, -Answers) is det.
%
%   Answers is a list of answer(Values, Proof), Values of the answer variables in order, Proof `none` where none was asked for.
%   Wall time, inferences, stack and the number of answers are bounded by the caller.

answers(question(Goal, Vars, Proof), Site, Now, Answers) :-
    body_goal(Goal, Site, Now, Trees, [], Run),
    (   Proof == none
    ->  findall(Vars-none, Run, Pairs0)
    ;   findall(Vars-Trees, Run, Pairs0)
    ),
    sort(0, @=<, Pairs0, Pairs1),
    first_of_each(Pairs1, Pairs),
    maplist(answer, Pairs, Answers).

first_of_each([], []).
first_of_each([K-V|T0], [K-V|T]) :-
    same_answer(T0, K, T1),
    first_of_each(T1, T).

same_answer([K0-_|T0], K, T) :- K0 == K, !, same_answer(T0, K, T).
same_answer(T, _, T).

answer(Values-none, answer(Values, none)) :- !.
answer(Values-Trees, answer(Values, Proof)) :-
    empty_assoc(Known0),
    steps(Trees, Numbers, state(0, Known0), state(N0, _), Proof, [step(N,query(Numbers))]),
    N is N0+1.

%   steps(+Trees, -Numbers, +State0, -State, -Steps, ?Tail): premises before conclusions, each conclusion once.
%   State is state(Last number, assoc Conclusion-Number).

steps([], [], S, S, Steps, Steps).
steps([seq(Ts0)|Ts], Numbers, S0, S, Steps0, Steps) :-
    !,
    append(Ts0, Ts, Trees),
    steps(Trees, Numbers, S0, S, Steps0, Steps).
steps([Tree|Ts], [N|Ns], S0, S, Steps0, Steps) :-
    step(Tree, N, S0, S1, Steps0, Steps1),
    steps(Ts, Ns, S1, S, Steps1, Steps).

step(Tree, N, S0, S, Steps0, Steps) :-
    closed(Tree, Closed),
    conclusion(Closed, Conclusion),
    S0 = state(_, Known),
    (   get_assoc(Conclusion, Known, N)
    ->  S = S0,
        Steps0 = Steps
    ;   premises(Closed, Step, S0, state(N0, Known1), Steps0, [step(N,Step)|Steps]),
        N is N0+1,
        put_assoc(Conclusion, Known1, N, Known2),
        S = state(N, Known2)
    ).

premises(rule(Id, Head, Trees), rule(Id, Head, Numbers), S0, S, Steps0, Steps) :-
    !,
    steps(Trees, Numbers, S0, S, Steps0, Steps).
premises(all(Op, V, G, Solutions, R, TreeLists), all(Op, V, G, Solutions, R, Numbers), S0, S, Steps0, Steps) :-
    !,
    append(TreeLists, Trees),
    steps(Trees, Numbers, S0, S, Steps0, Steps).
premises(Leaf, Leaf, S, S, Steps, Steps).

conclusion(fact(F, _), F).
conclusion(rule(_, Head, _), Head).
conclusion(eval(G), G).
conclusion(absent(G), \+ G).
conclusion(all(Op, V, G, _, R, _), all(Op, V, G, R)).

%   closed(+Tree, -Closed): existential variables written as '$any'(I), in order of first occurrence. Copied
%   first: the same variable may be a value elsewhere in the tree of another solution.

closed(absent(G0), absent(G)) :-
    !,
    any_form(G0, G).
closed(all(Op, V0, G0, Solutions, R, Trees), all(Op, V, G, Solutions, R, Trees)) :-
    !,
    any_form(G0-V0, G-V).
closed(Tree, Tree).
