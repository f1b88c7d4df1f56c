:- module(explain,
          [ explained_goal/2,           % +Goal0, -Goal
            explain/4                   % +Goal, +Site, +Now, -Why
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(catalogue).
:- use_module(errors).
:- use_module(facts).
:- use_module(language).
:- use_module(twin).

/** <module> Why a goal does not hold

Says which premise failed closest to success: of the clauses that could have concluded the goal, the one with the largest share
of its premises met; in it, the first premise that is not met by any way of meeting those before it; and so on down, to a fact
that is missing, stale or otherwise, or a comparison that is false. It explains and proves nothing: what it says is the
site's word.

    ?- explain(at_risk_of_throttling(pve1), site, 1732400000000, Why).

    why ::= why(Goal, Reason)
    Reason ::= no_fact | stale(Source, ObservedAt, ValidUntil) | instead(Fact) | false | holds | result(Value)
             | no_rule | rule(ClauseId, Met, Premises, why) | part(Met, Parts, why) | either([why...]) | deeper

The same facts and the same Now give the same Why: of several ways the first in standard order is taken.
*/

%   Levels of rules below the goal; what lies deeper is asked for by a question of its own.
deepest(16).

%!  explained_goal(+Goal0, -Goal) is det.
%
%   Goal is Goal0 in normal form.
%
%   @throws logic(unbound_argument, _) for a goal with variables, and what check_question/4 throws

explained_goal(Goal0, Goal) :-
    check_question(Goal0, [], Goal, _),
    local_variables(Goal, Open),
    (   Open == []
    ->  true
    ;   refuse(unbound_argument, ['why_not explains a goal without variables'])
    ).

%!  explain(+Goal, +Site, +Now, -Why) is semidet.
%
%   Fails if Goal holds.

explain(Goal, Site, Now, Why) :-
    \+ solved(Goal, Site, Now),
    deepest(Depth),
    why(Goal, at(Site, Now), Depth, Open),
    any_form(Open, Why).

solved(Goal, Site, Now) :-
    body_goal(Goal, Site, Now, _, [], Run),
    \+ \+ Run.

%   why(+Goal, +At, +Depth, -Why) is det. Goal has no solution.

why(Goal, _, 0, why(Goal, deeper)) :- !.
why((A,B), At, Depth, why((A,B), Reason)) :-
    !,
    parts((A,B), Parts),
    first_unmet(Parts, At, Met, Unmet),
    length(Parts, Count),
    why(Unmet, At, Depth, Below),
    Reason = part(Met, Count, Below).
why((A;B), At, Depth, why((A;B), either([WhyA,WhyB]))) :-
    !,
    why(A, At, Depth, WhyA),
    why(B, At, Depth, WhyB).
why(\+ G, _, _, why(\+ G, holds)) :- !.
why(all(Op, V, G, R), at(Site, Now), _, why(all(Op, V, G, R), Reason)) :-
    !,
    (   body_goal(all(Op, V, G, Actual), Site, Now, _, [], Run), Run
    ->  Reason = result(Actual)
    ;   Reason = no_fact
    ).
why(Goal, _, _, why(Goal, false)) :-
    comparison(Goal),
    !.
why(Goal, At, Depth, why(Goal, Reason)) :-
    functor(Goal, Name, Arity),
    entry_kind(Name, Arity, Kind),
    reason(Kind, Goal, At, Depth, Reason).

reason(state, Goal, at(Site, Now), _, Reason) :-
    !,
    (   least(Goal-Evidence, ( state_fact(Site, Goal, Evidence), Evidence = evidence(_, _, Until), Until < Now ),
              _-evidence(Source, ObservedAt, ValidUntil))
    ->  Reason = stale(Source, ObservedAt, ValidUntil)
    ;   same_key(Goal, Slot),
        least(Slot, ( state_fact(Site, Slot, evidence(_, _, Until)), Now =< Until ), Other)
    ->  Reason = instead(Other)
    ;   Reason = no_fact
    ).
reason(derived, Goal, At, Depth, Reason) :-
    !,
    findall(Share-attempt(K, Met, Count, Unmet),
            ( attempt(Goal, At, K, Met, Count, Unmet), Share is -(Met*1000//Count) ),
            Attempts),
    (   least(Attempt, member(Attempt, Attempts), _-attempt(K, Met, Count, Unmet))
    ->  functor(Goal, Name, Arity),
        Below is Depth-1,
        why(Unmet, At, Below, Why),
        Reason = rule(clause(Name,Arity,K), Met, Count, Why)
    ;   Reason = no_rule
    ).
reason(_, _, _, _, no_fact).

%   attempt(+Goal, +At, -K, -Met, -Count, -Unmet) is nondet: clause K could conclude Goal and its premise Unmet is missing.
attempt(Goal, At, K, Met, Count, Unmet) :-
    functor(Goal, Name, Arity),
    core_clause(Name, Arity, K, Head, Body, _),
    copy_term(Head-Body, Goal-Body1),
    Body1 \== true,
    parts(Body1, Parts),
    length(Parts, Count),
    first_unmet(Parts, At, Met, Unmet).

parts((A,B), Parts) :- !, parts(A, PartsA), parts(B, PartsB), append(PartsA, PartsB, Parts).
parts(Goal, [Goal]).

%   first_unmet(+Parts, +At, -Met, -Unmet): the longest run of Parts from the first on that can be met together, and the part
%   after it, with the values of the first way in standard order.
first_unmet(Parts, at(Site, Now), Met, Unmet) :-
    length(Parts, Count),
    Most is Count-1,
    between(0, Most, Fewer),
    Met is Most-Fewer,
    length(Front, Met),
    append(Front, [Unmet|_], Parts),
    conjunction(Front, Goal),
    body_goal(Goal, Site, Now, _, [], Run),
    term_variables(Parts, Vars),
    least(Vars, Run, Vars),
    !.

conjunction([], true).
conjunction([G], G) :- !.
conjunction([G|Gs], (G,Rest)) :- conjunction(Gs, Rest).

:- meta_predicate least(?, 0, ?).

%   least(+Template, :Goal, -Least) is semidet: the first solution in standard order.
least(Template, Goal, Least) :-
    findall(Template, Goal, All),
    sort(All, [Least0|_]),
    Least = Least0.
