:- module(straight,
          [ compile_straight/0,
            straight/1,                 % +Call
            apart/2                     % +Pairs, +Prefix
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(aggregate), [aggregate_all/3]).
:- use_module(unfold).

/** <module> Straight from a witness to the numbered steps

Most proofs say nothing twice, and that shows in the rules: no two conclusions of one proof of `at_risk_of_throttling(N)` can be
equal, whatever the facts. Such a predicate is compiled a third time, from witness and conclusion to its steps, premises first, with their
numbers computed on the way. No tree is built and nothing is looked up. In module `derived_steps`, behind N0 steps,

    node_status(w1(S,O,V), N, up, N0, N3, [step(N1,fact(node(N),inventory)), step(N2,fact(node_up(N,true),evidence(S,O,V))),
                                           step(N3,rule(clause(node_status,2,1),node_status(N,up),[N1,N2]))|Steps], Steps) :-
        N1 is N0+1, N2 is N0+2, N3 is N0+3.

and in `derived_proof` as a whole proof, with numbers from 1 and the query step. Where an aggregate's solutions could share a
premise, the goal apart/2 looks; if they do, it fails, and the proof goes through its tree (prove.pl). So do predicates that are
recursive, rest on lemmas, or come to one conclusion in two ways.
*/

%   report(Name, Arity, Report): `none`, or straight(Size, Conclusions): the number of steps, or `varies`; and each conclusion that can stand
%   in a proof, as Head-Conclusion.
:- dynamic report/3.

%!  straight(+Call) is semidet.
%
%   Proofs of what Call (unfold.pl) calls have been compiled.

straight(Call) :-
    functor(Call, Name, Arity1),
    Arity is Arity1-1,
    report(Name, Arity, straight(_, _)).

%!  compile_straight is det.

compile_straight :-
    forall(twin_parts(clause(Name,Arity,_), _, _, _), reported(Name, Arity, [], _)),
    forall(( twin_parts(clause(Name,Arity,K), Head, Parts, Witness), report(Name, Arity, straight(_, _)) ),
           compile_clause(clause(Name,Arity,K), Head, Parts, Witness)).

                /*******************************
                *      what stands twice       *
                *******************************/

%   reported(+Name, +Arity, +Path, -Report) is det. Path has the predicates that are being looked at.
reported(Name, Arity, _, Report) :-
    report(Name, Arity, Report0),
    !,
    Report = Report0.
reported(Name, Arity, Path, Report) :-
    (   \+ memberchk(Name/Arity, Path),
        findall(Size-Conclusions,
                ( twin_parts(clause(Name,Arity,_), Head, Parts, _), clause_conclusions(Head, Parts, [Name/Arity|Path], Size, Conclusions) ),
                Clauses),
        aggregate_all(count, twin_parts(clause(Name,Arity,_), _, _, _), Count),
        length(Clauses, Count)
    ->  maplist(arg(1), Clauses, Sizes),
        maplist(arg(2), Clauses, Lists),
        append(Lists, All),
        (   sort(Sizes, [Size0]) -> Size = Size0 ; Size = varies ),
        Report = straight(Size, All)
    ;   Report = none
    ),
    assertz(report(Name, Arity, Report)).

%   clause_conclusions(+Head, +Parts, +Path, -Size, -Conclusions) is semidet: fails where one could stand twice.
clause_conclusions(Head, Parts, Path, Size, Conclusions) :-
    maplist(part_conclusions(Path), Parts, Lists, Sizes),
    none_twice([[Head]|Lists]),
    append(Lists, All),
    findall(Head-C, member(C, [Head|All]), Conclusions),
    foldl(plus_size, Sizes, 1, Size).

plus_size(A, B, C) :- ( integer(A), integer(B) -> C is A+B ; C = varies ).

%   part_conclusions(+Path, +Part, -Conclusions, -Size) is semidet.
part_conclusions(_, fact(Fact, _), [Fact], 1).
part_conclusions(_, eval(Goal), [Goal], 1).
part_conclusions(_, absent(Goal), [\+ Goal], 1).
part_conclusions(Path, call(Call), [Atom|Below], Size) :-
    Call =.. [Name,_|Args],
    Atom =.. [Name|Args],
    length(Args, Arity),
    reported(Name, Arity, Path, straight(Size, Patterns)),
    findall(Args-C, ( member(Pattern, Patterns), called(Atom, Pattern, C) ), Pairs),
    maplist(shared(Args), Pairs, Below0),
    exclude(==(Atom), Below0, Below).
part_conclusions(Path, Part, [all(Op, V, G, R)|Below], varies) :-
    Part = all(Op, V, G, R, _, inner(_, _, Parts)),
    \+ memberchk(all(_, _, _, _, _, _), Parts),
    maplist(part_conclusions(Path), Parts, Lists, _),
    none_twice(Lists),
    append(Lists, Below),
    shared_prefix(Part, Below, _).

shared(Args, Args-C, C).

%   called(+Atom, +Pattern, -Conclusion): Pattern's conclusion with what the arguments of Atom say of it.
called(Atom, Pattern, Conclusion) :-
    copy_term(Pattern, Head-Conclusion),
    term_variables(Head, Fresh),
    Head =.. [_|HeadArgs],
    Atom =.. [_|Args],
    given(HeadArgs, Args, Fresh).

given([], [], _).
given([H|Hs], [A|As], Fresh) :-
    (   var(H), member(F, Fresh), F == H
    ->  H = A
    ;   nonvar(H), nonvar(A)
    ->  H == A
    ;   true
    ),
    given(Hs, As, Fresh).

%   Conclusions of different parts; within one they are told apart already, or are alternatives.
none_twice(Lists) :-
    \+ ( append(_, [Ones|Others], Lists), member(One, Ones), member(List, Others), member(Other, List),
         One = Other ).

%   shared_prefix(+Part, +Conclusions, -Prefix) is semidet: two solutions of the aggregate Part that have a conclusion in common have at least the
%   first Prefix values in common; `all` if that makes them the same. Fails where they need have none.
shared_prefix(all(_, V, G, _, _, Inner), Conclusions, Prefix) :-
    locals(V-G, Inner, Locals),
    length(Locals, Count),
    term_variables(V-G, Outer),
    findall(Length,
            ( copy_term(Outer-Locals-Conclusions, Outer-Locals1-Conclusions1),
              member(C, Conclusions), member(C1, Conclusions1), C = C1,
              common(Locals, Locals1, 0, Length) ),
            Lengths),
    min_list([Count|Lengths], Least),
    (   Least =:= Count
    ->  Prefix = all
    ;   Least > 0,
        Prefix = Least
    ).

common([V|Vs], [V1|Vs1], N0, N) :-
    V == V1,
    !,
    N1 is N0+1,
    common(Vs, Vs1, N1, N).
common(_, _, N, N).

%   In the closed Goal of an aggregate all variables are outer ones.
locals(Goal, inner(Tuple, _, _), Locals) :-
    term_variables(Goal, Outer),
    term_variables(Outer-Tuple, All),
    append(Outer, Locals, All).

%!  apart(+Pairs, +Prefix) is semidet.
%
%   No two solutions, in order, have the first Prefix values in common.

apart([], _).
apart([Key-_|Pairs], Prefix) :-
    (   Prefix == 1
    ->  arg(1, Key, Value),
        apart_first(Pairs, Value)
    ;   prefix(Prefix, Key, Values),
        apart(Pairs, Prefix, Values)
    ).

apart_first([], _).
apart_first([Key-_|Pairs], Value0) :-
    arg(1, Key, Value),
    Value \== Value0,
    apart_first(Pairs, Value).

apart([], _, _).
apart([Key-_|Pairs], Prefix, Values0) :-
    prefix(Prefix, Key, Values),
    Values \== Values0,
    apart(Pairs, Prefix, Values).

prefix(N, Key, Values) :-
    length(Values, N),
    Key =.. [k|Solution],
    append(Values, _, Solution).

                /*******************************
                *      compiling               *
                *******************************/

compile_clause(Id, Head, Parts0, Witness) :-
    Head =.. [Name|Args],
    named_parts(Parts0, Id, 1, Parts),
    forall(member(Part, Parts), compile_solutions(Part)),
    (   flat_clause(Id, Head, Parts, N0, N, Steps, Tail, Goals),
        append([Name,Witness|Args], [N0,N,Steps,Tail], StepsArgs),
        assert_clause(derived_steps, StepsArgs, Goals),
        fail
    ;   flat_clause(Id, Head, Parts, 0, N, Steps, [step(M,query([N]))], Goals),
        next(at(N,0), M, _, Last, []),
        append(Goals, Last, ProofGoals),
        append([Name,Witness|Args], [Steps], ProofArgs),
        assert_clause(derived_proof, ProofArgs, ProofGoals)
    ).

assert_clause(Module, HeadList, Goals) :-
    Head =.. HeadList,
    conjunction(Goals, Body),
    assertz((Module:Head :- Body)).

%   named_parts(+Parts0, +Id, +I, -Parts): an aggregate as solutions(Part, Name), Name one that no predicate of the catalogue has.
named_parts([], _, _, []).
named_parts([Part0|Parts0], Id, I, [Part|Parts]) :-
    (   Part0 = all(_, _, _, _, _, _)
    ->  Id = clause(Name,Arity,K),
        atomic_list_concat([Name,Arity,K,I], /, Solutions),
        Part = solutions(Part0, Solutions)
    ;   Part = Part0
    ),
    I1 is I+1,
    named_parts(Parts0, Id, I1, Parts).

flat_clause(Id, Head, Parts, N0, N, Steps, Tail, Goals) :-
    flat_parts(Parts, at(N0,0), At, Is, Steps, [step(N,rule(Id, Head, Is))|Tail], Goals, Rest),
    next(At, N, _, Rest, []).

conjunction([], true).
conjunction([G], G) :- !.
conjunction([G|Gs], (G,Rest)) :- conjunction(Gs, Rest).

%   flat_parts(+Parts, +At0, -At, -Numbers, -Steps, ?Tail, -Goals, ?GoalsTail): at(Base,Offset) is the last number given: Base
%   a number or a variable of the clause.
flat_parts([], At, At, [], S, S, Gs, Gs).
flat_parts([Part|Parts], At0, At, [I|Is], S0, S, Gs0, Gs) :-
    flat_part(Part, At0, At1, I, S0, S1, Gs0, Gs1),
    flat_parts(Parts, At1, At, Is, S1, S, Gs1, Gs).

flat_part(call(Call), At0, At, I, S0, S, Gs0, Gs) :-
    !,
    last_number(At0, Start, Gs0, [derived_steps:Goal|Gs]),
    functor(Call, Name, Arity1),
    Arity is Arity1-1,
    report(Name, Arity, straight(Size, _)),
    behind(Size, At0, I, At),
    Call =.. CallList,
    append(CallList, [Start,I,S0,S], GoalList),
    Goal =.. GoalList.
flat_part(solutions(Part, Name), At0, At, I, S0, S, Gs0, Gs) :-
    !,
    Part = all(Op, V, G, R, Pairs, Inner),
    part_conclusions([], Part, [_|Below], _),
    shared_prefix(Part, Below, Prefix),
    (   Prefix == all
    ->  Gs0 = Gs1
    ;   Gs0 = [straight:apart(Pairs, Prefix)|Gs1]
    ),
    last_number(At0, Start, Gs1, [derived_steps:Goal|Gs2]),
    outer(V-G, Inner, Outer),
    append([Name,Pairs|Outer], [Solutions,Start,N,Is,S0,[step(I,all(Op, V, G, Solutions, R, Is))|S]], GoalList),
    Goal =.. GoalList,
    next(at(N,0), I, At, Gs2, Gs).
flat_part(Leaf, At0, At, I, [step(I,Leaf)|S], S, Gs0, Gs) :-
    next(At0, I, At, Gs0, Gs).

%   next(+At0, -Number, -At, -Goals, ?Tail): the next number.
next(at(Base,Offset0), I, at(Base,Offset), Gs0, Gs) :-
    Offset is Offset0+1,
    last_number(at(Base,Offset), I, Gs0, Gs).

last_number(at(Base,Offset), I, Gs, Gs) :- integer(Base), !, I is Base+Offset.
last_number(at(Base,0), Base, Gs, Gs) :- !.
last_number(at(Base,Offset), I, [I is Base+Offset|Gs], Gs).

%   behind(+Size, +At0, -Number, -At): the last of Size steps, whose number is told by what writes them.
behind(varies, _, N, at(N,0)) :- !.
behind(Size, at(Base,Offset0), I, at(Base,Offset)) :-
    Offset is Offset0+Size,
    (   integer(Base)
    ->  I is Base+Offset
    ;   true
    ).

%   The solutions of an aggregate, one after the other: a predicate of its own.
compile_solutions(solutions(all(_, V, G, _, _, Inner), Name)) :-
    !,
    Inner = inner(_, Witness, Parts),
    locals(V-G, Inner, Locals),
    outer(V-G, Inner, Outer),
    append([Name,[]|Outer], [[],N0,N0,[],S0,S0], Ends),
    assert_clause(derived_steps, Ends, []),
    flat_parts(Parts, at(N,0), At, Numbers, Steps, Steps1, Goals, Rest),
    last_number(At, N1, Rest, [derived_steps:More]),
    append(Numbers, Is1, Is),
    append([Name,Pairs|Outer], [Solutions,N1,Last,Is1,Steps1,Tail], MoreList),
    More =.. MoreList,
    Key =.. [k|Locals],
    append([Name,[Key-Witness|Pairs]|Outer], [[Locals|Solutions],N,Last,Is,Steps,Tail], HeadList),
    assert_clause(derived_steps, HeadList, Goals).
compile_solutions(_).

outer(Goal, inner(_, _, Parts), Outer) :-
    term_variables(Goal, GoalVars),
    term_variables(Parts, PartVars),
    include(is_one_of(PartVars), GoalVars, Outer).

is_one_of(Vars, V) :-
    member(V0, Vars),
    V0 == V,
    !.
