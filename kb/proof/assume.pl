:- module(assume,
          [ assumptions/2,              % +List, -Assumed
            assume_facts/3,             % +Assumed, +Site, +Now
            assumed_fact/2,             % ?Fact, +Assumed
            assumed_away/2              % +Fact, +Assumed
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(catalogue).
:- use_module(errors).
:- use_module(facts).

/** <module> What-if: facts that a question adds or takes away

A question may carry assumptions (docs/protocol.md section 1): `Fact` is added, in the place of a state fact with the same key;
`\+ Fact` is taken away. They are asserted inside the question's own snapshot and leave no trace. A proof names an added fact
with the step `assumed(Fact)`, and a checker accepts no fact that was assumed away.

    ?- assumptions([node_up(pve1,false), \+ vm_host(web,pve1)], Assumed).
    Assumed = [without(vm_host(web,pve1)), with(node_up(pve1,false))].
*/

most_assumptions(32).

%!  assumptions(+List, -Assumed) is det.
%
%   Assumed is List vetted: what is taken away first, then what is added, each in the order given.
%
%   @throws logic(Code, _): `type_error`, `unknown_predicate`, `too_large`

assumptions(List, Assumed) :-
    (   is_list(List)
    ->  true
    ;   refuse(type_error, ['assumptions are a list of facts'])
    ),
    length(List, Count),
    most_assumptions(Most),
    (   Count =< Most
    ->  true
    ;   refuse(too_large, [Count, ' assumptions, at most ', Most, ' are taken'])
    ),
    maplist(assumption, List, All),
    partition(taken_away, All, Without, With),
    append(Without, With, Assumed),
    forall(( append(_, [One|Others], Assumed), member(Other, Others) ), compatible(One, Other)).

taken_away(without(_)).

assumption(Given, Assumption) :-
    (   nonvar(Given), Given = (\+ Fact0)
    ->  Assumption = without(Fact)
    ;   Fact0 = Given,
        Assumption = with(Fact)
    ),
    (   callable(Fact0), acyclic_term(Fact0)
    ->  true
    ;   refuse(type_error, ['an assumption is a fact, or \\+ before a fact'])
    ),
    functor(Fact0, Name, Arity),
    (   entry_kind(Name, Arity, Kind)
    ->  true
    ;   refuse(unknown_predicate, [Name, '/', Arity, ' is not in the catalogue'])
    ),
    (   memberchk(Kind, [state,inventory])
    ->  true
    ;   refuse(type_error, [Name, '/', Arity, ' is ', Kind, ': only state and inventory can be assumed'])
    ),
    Fact0 =.. [_|Args0],
    floats(Args0, 1, Name/Arity, Args),
    Fact =.. [Name|Args],
    catch(check_fact(Fact, Kind), error(logic(bad_fact, Message), _), refuse(type_error, [Message])).

%   An integer where the catalogue has a float, as in a question.
floats([], _, _, []).
floats([A0|As0], I, Name/Arity, [A|As]) :-
    argument(Name, Arity, I, Type, _),
    (   Type == float, integer(A0), abs(A0) < 1<<256
    ->  A is float(A0)
    ;   A = A0
    ),
    I1 is I+1,
    floats(As0, I1, Name/Arity, As).

compatible(One, Other) :-
    arg(1, One, A),
    arg(1, Other, B),
    (   A == B
    ->  refuse(type_error, ['the same fact is assumed twice'])
    ;   functor(One, with, _), functor(Other, with, _),
        functor(A, Name, Arity), functor(B, Name, Arity),
        entry_kind(Name, Arity, state),
        same_key(A, B0), subsumes_term(B0, B)
    ->  refuse(type_error, ['two assumptions give ', Name, '/', Arity, ' another value for the same key'])
    ;   true
    ).

%!  assume_facts(+Assumed, +Site, +Now) is det.
%
%   Change the facts of Site. Only inside a snapshot/1.

assume_facts(Assumed, Site, Now) :-
    forall(member(Assumption, Assumed), assume(Assumption, Site, Now)).

assume(without(Fact), Site, _) :-
    remove_fact(Site, Fact).
assume(with(Fact), Site, Now) :-
    functor(Fact, Name, Arity),
    (   entry_kind(Name, Arity, state)
    ->  put_fact(Site, Fact, evidence(assumed, Now, Now))
    ;   put_fact(Site, Fact, inventory)
    ).

%!  assumed_fact(?Fact, +Assumed) is nondet.

assumed_fact(Fact, Assumed) :-
    member(with(Fact), Assumed).

%!  assumed_away(+Fact, +Assumed) is semidet.
%
%   Fact does not hold by Assumed, whatever its evidence: it is taken away, or another value is in its place.

assumed_away(Fact, Assumed) :-
    member(without(Away), Assumed),
    Fact == Away,
    !.
assumed_away(Fact, Assumed) :-
    functor(Fact, Name, Arity),
    entry_kind(Name, Arity, state),
    same_key(Fact, Slot),
    member(with(Other), Assumed),
    subsumes_term(Slot, Other),
    !.
