:- module(unfold,
          [ witnessed/3,                % +Atom, +Witness, -Call
            inner_witness/3,            % +Parts, +Tuple, -Inner
            compile_tree/5,             % +Id, +Head, +Body, +Parts, -Witness
            twin_parts/4,               % ?Id, -Head, -Parts, -Witness
            call_tree/2,                % +Call, -Tree
            part_trees/2,               % +Parts, -Trees
            first_proofs/3,             % +Keyed, :TreesOf, -Firsts
            pair_trees/3                % +Inner, +Pair, -Trees
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(language).

/** <module> From a witness to the tree of its proof

A twin (twin.pl) gives a witness; what is left out of it stands in the clause. So each clause is compiled a second time, in module
`derived_tree`, from its witness and its conclusion to its tree:

    node_status(w1(S,O,V), N, up, rule(clause(node_status,2,1), node_status(N,up),
        [fact(node(N), inventory), fact(node_up(N,true), evidence(S,O,V))])).

    ?- call_tree(node_status(w1(host,1,2), pve1, up), Tree).

A *part* is what one goal of a body comes to: fact(Fact, Evidence), eval(Goal), absent(Goal), lemma(Fact), call(Call) with Call an atom that
has its witness as first argument, all(Op, V, Goal, Result, Pairs, Inner), seq(Parts). A tree is the same with trees in
the place of calls, all(Op, V, Goal, Solutions, Result, TreeLists), and '$any'(I) for what is existential.

Inner is inner(Tuple, Witness, Parts): the parts of the goal of an aggregate, the variables of them that a witness must tell, and the
tuple of which those without a value yet are the solution. Pairs are Key-Witness, Key the term k(Value, ...) of a solution: half the cells of a list.
*/

%   twin_parts(Id, Head, Parts, Witness): of each clause, for straight.pl.
:- dynamic twin_parts/4.

%!  witnessed(+Atom, +Witness, -Call) is det.

witnessed(Atom, Witness, Call) :-
    Atom =.. [Name|Args],
    Call =.. [Name,Witness|Args].

%!  inner_witness(+Parts, +Tuple, -Inner) is det.

inner_witness(Parts, Tuple, inner(Tuple, Witness, Parts)) :-
    told_by(Parts, Tuple, Vars),
    (   Vars = [Witness]
    ->  true
    ;   Witness =.. [w|Vars]
    ).

%   told_by(+Parts, +Known, -Vars): what a witness must tell of Parts where Known is known.
told_by(Parts, Known, Vars) :-
    term_variables(Known, KnownVars),
    maplist(visible, Parts, Terms),
    term_variables(KnownVars-Terms, All),
    append(KnownVars, Vars, All).

visible(all(_, V, G, R, Pairs, _), all(V, G, R, Pairs)) :- !.
visible(Part, Part).

                /*******************************
                *      compiling               *
                *******************************/

%!  compile_tree(+Id, +Head, +Body, +Parts0, -Witness) is det.
%
%   Compile one clause from its Witness to its tree. Parts0 are those of Body.

compile_tree(Id, Head, Body, Parts0, Witness) :-
    maplist(closed_part(Head-Body), Parts0, Parts),
    told_by(Parts, Head, Vars),
    Id = clause(_, _, K),
    atom_concat(w, K, Functor),
    Witness =.. [Functor|Vars],
    assertz(twin_parts(Id, Head, Parts, Witness)),
    maplist(compiled_part, Parts, Trees, Goals),
    witnessed(Head, Witness, Call),
    Call =.. CallList,
    append(CallList, [rule(Id, Head, Trees)], Args),
    Clause =.. Args,
    exclude(==(true), Goals, Wanted),
    conjunction(Wanted, Goal),
    assertz((derived_tree:Clause :- Goal)).

conjunction([], true).
conjunction([G], G) :- !.
conjunction([G|Gs], (G,Rest)) :- conjunction(Gs, Rest).

%   closed_part(+Whole, +Part0, -Part): what is existential in Part0, as it occurs nowhere else in Whole, is written '$any'(I).
closed_part(Whole, absent(G0), absent(G)) :-
    !,
    closed_in(Whole, G0, G).
closed_part(Whole, all(Op, V0, G0, R, Pairs, inner(Tuple, W, Parts0)), all(Op, V, G, R, Pairs, inner(Tuple, W, Parts))) :-
    !,
    closed_in(Whole, G0-V0, G-V),
    maplist(closed_part(Whole), Parts0, Parts).
closed_part(_, Part, Part).

compiled_part(call(Call), Tree, derived_tree:Goal) :-
    !,
    Call =.. CallList,
    append(CallList, [Tree], GoalList),
    Goal =.. GoalList.
compiled_part(all(Op, V, G, R, Pairs, Inner), all(Op, V, G, Solutions, R, Trees), unfold:all_trees(Pairs, Inner, Solutions, Trees)) :- !.
compiled_part(Leaf, Leaf, true).

                /*******************************
                *      unfolding               *
                *******************************/

%!  call_tree(+Call, -Tree) is det.

call_tree(Call, Tree) :-
    call(derived_tree:Call, Tree),
    !.

%!  part_trees(+Parts, -Trees) is det.
%
%   Trees of parts that were not compiled: those of a question.

part_trees(Parts, Trees) :-
    maplist(part_tree, Parts, Trees).

part_tree(call(Call), Tree) :- !, call_tree(Call, Tree).
part_tree(absent(G0), absent(G)) :- !, any_form(G0, G).
part_tree(all(Op, V0, G0, R, Pairs, Inner), all(Op, V, G, Solutions, R, Trees)) :-
    !,
    any_form(G0-V0, G-V),                       % on a copy, as Inner shares them
    all_trees(Pairs, Inner, Solutions, Trees).
part_tree(seq(Parts), seq(Trees)) :- !, part_trees(Parts, Trees).
part_tree(Leaf, Leaf).

all_trees(Pairs, Inner, Solutions, Trees) :-
    maplist(pair_solution, Pairs, Solutions),
    maplist(pair_trees(Inner), Pairs, Trees).

pair_solution(Key-_, Solution) :-
    Key =.. [k|Solution].

%!  pair_trees(+Inner, +Pair, -Trees) is det.

pair_trees(inner(Tuple, Witness, Parts), Key-Witness1, Trees) :-
    term_variables(Tuple, Locals),
    Key =.. [k|Solution],
    copy_term(Locals-Witness-Parts, Solution-Witness1-Parts1),
    part_trees(Parts1, Trees).

%!  first_proofs(+Keyed, :TreesOf, -Firsts) is det.
%
%   Firsts are the elements of Keyed with distinct first arguments, in the standard order of these. Of several with the same one, that whose
%   trees (call(TreesOf, Element, Trees)) come first in standard order: the same whatever the order of the facts.

:- meta_predicate first_proofs(+, 2, -).

first_proofs(Keyed, TreesOf, Firsts) :-
    sort(1, @<, Keyed, Distinct),
    length(Keyed, Count),
    (   length(Distinct, Count)
    ->  Firsts = Distinct
    ;   sort(1, @=<, Keyed, Sorted),
        first_of_each(Sorted, TreesOf, Firsts)
    ).

first_of_each([], _, []).
first_of_each([One|More], TreesOf, [First|Firsts]) :-
    arg(1, One, Key),
    same_key(More, Key, Others, Rest),
    (   Others == []
    ->  First = One
    ;   maplist(with_trees(TreesOf), [One|Others], Keyed),
        sort(1, @=<, Keyed, [_-First|_])
    ),
    first_of_each(Rest, TreesOf, Firsts).

same_key([Other|More], Key, [Other|Others], Rest) :-
    arg(1, Other, Key0),
    Key0 == Key,
    !,
    same_key(More, Key, Others, Rest).
same_key(Rest, _, [], Rest).

with_trees(TreesOf, Element, Trees-Element) :-
    call(TreesOf, Element, Trees).
