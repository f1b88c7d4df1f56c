:- module(twin,
          [ load_core/2,                % +Module, +File
            build_twins/0,
            core_clause/6,              % ?Name, ?Arity, ?K, -Head, -Body, -Where
            body_goal/6                 % +Body, +Site, +Now, -Trees, -Tail, -Goal
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(pairs)).
:- use_module(library(ugraphs)).
:- use_module(library(aggregate), [aggregate_all/3]).
:- use_module(library(error)).
:- use_module(catalogue).
:- use_module(language).
:- use_module(facts).
:- use_module(errors).
:- use_module(compute).
:- use_module(lemma).

/** <module> Core clauses and their twins

Reads the core rules, refuses what is outside the language (SHARP-EDGES 3), and expands each clause into a *twin* that
derives the same and builds the tree of its proof as it goes: measured free, where interpreting costs ten times. The clause

    node_status(N, up) :- node(N), node_up(N, true).

becomes, in module `derived`,

    node_status(N, up, Site, Now, rule(clause(node_status,2,1), node_status(N,up), [T1,T2])) :-
        Site:node(N), T1 = fact(node(N), inventory),
        Site:node_up(N, true, S, O, V), Now =< V, T2 = fact(node_up(N,true), evidence(S,O,V)).

Site names the module of the asking site's facts. The order of clauses within a predicate numbers them; a predicate
stands in one file. After build_twins/0 nothing here changes.
*/

%   core_clause(Name, Arity, K, Head, Body, Where): Body in normal form, Where is File:Line below kb/.
:- dynamic core_clause/6.
%   read_clause(Name, Arity, Head, Body0, Where): as read, before checking.
:- dynamic read_clause/5.

%!  load_core(+Module, +File) is det.
%
%   Read one core file: declarations and clauses, nothing else. Module is the file's name, for the catalogue.

load_core(Module, File) :-
    setup_call_cleanup(
        open(File, read, In, [encoding(utf8)]),
        load_terms(In, Module, File),
        close(In)).

load_terms(In, Module, File) :-
    read_term(In, Term, [module(twin), syntax_errors(error), term_position(Position), double_quotes(string)]),
    (   Term == end_of_file
    ->  true
    ;   stream_position_data(line_count, Position, Line),
        file_base_name(File, Base),
        atom_concat('core/', Base, Path),
        load_term(Term, Module, Path:Line),
        load_terms(In, Module, File)
    ).

load_term((:- catalogue(Signature, Properties)), Module, _) :-
    !,
    declare(Module, Signature, Properties).
load_term((:- _), _, File:Line) :-
    !,
    refuse(unknown_predicate, [File, ':', Line, ': a core file holds catalogue/2 directives and clauses only']).
load_term((Head :- Body), _, Where) :-
    !,
    add_clause(Head, Body, Where).
load_term(Head, _, Where) :-
    add_clause(Head, true, Where).

add_clause(Head, Body, Where) :-
    must_be(callable, Head),
    functor(Head, Name, Arity),
    Where = File:_,
    (   read_clause(Name, Arity, _, _, Elsewhere:_),
        Elsewhere \== File
    ->  permission_error(redefine, predicate, Name/Arity)
    ;   assertz(read_clause(Name, Arity, Head, Body, Where))
    ).

%!  build_twins is det.
%
%   Check every clause read, number it, and compile its twin.
%
%   @throws logic(Code, _) naming file and line of the first clause that is refused.

build_twins :-
    forall(read_clause(Name, Arity, Head, Body0, Where),
           build_twin(Name, Arity, Head, Body0, Where)),
    forall(( entry(Name, Arity, _), entry_kind(Name, Arity, derived), \+ core_clause(Name, Arity, _, _, _, _) ),
           refuse(unknown_predicate, [Name, '/', Arity, ' is declared as derived and has no clause'])),
    retractall(read_clause(_, _, _, _, _)),
    check_stratified,
    findall(derived:Name/Stored, ( entry(Name, Arity, _), entry_kind(Name, Arity, derived), Stored is Arity+3 ), Specs),
    compile_predicates(Specs).

build_twin(Name, Arity, Head, Body0, Where) :-
    check_clause(Head, Body0, Body, _, Where),
    aggregate_all(count, core_clause(Name, Arity, _, _, _, _), K0),
    K is K0+1,
    assertz(core_clause(Name, Arity, K, Head, Body, Where)),
    body_goal(Body, Site, Now, Trees, [], Goal),
    Head =.. [_|Args],
    append(Args, [Site,Now,rule(clause(Name,Arity,K), Head, Trees)], TwinArgs),
    Twin =.. [Name|TwinArgs],
    assertz((derived:Twin :- Goal)).

%!  body_goal(+Body, +Site, +Now, -Trees, ?Tail, -Goal) is det.
%
%   Goal runs Body (in normal form) for Site at Now. Trees, up to Tail, become the proof trees of its parts; a
%   disjunction's tree is seq(List), bound when one side has succeeded. Serves rules and questions alike.

body_goal(true, _, _, Ts, Ts, true) :- !.
body_goal((A,B), Site, Now, Ts0, Ts, (GA,GB)) :-
    !,
    body_goal(A, Site, Now, Ts0, Ts1, GA),
    body_goal(B, Site, Now, Ts1, Ts, GB).
body_goal((A;B), Site, Now, [seq(Ts)|Tail], Tail, ((GA,Ts=TA) ; (GB,Ts=TB))) :-
    !,
    body_goal(A, Site, Now, TA, [], GA),
    body_goal(B, Site, Now, TB, [], GB).
body_goal(\+ A, Site, Now, [absent(A)|Tail], Tail, \+ GA) :-
    !,
    body_goal(A, Site, Now, _, [], GA).
body_goal(all(Op, V, A, R), Site, Now, [all(Op, V, A, Solutions, R, Trees)|Tail], Tail,
          twin:all_solutions(Tuple-Parts, GA, op(Op, V), Solutions, Trees, R)) :-
    !,
    body_goal(A, Site, Now, Parts, [], GA),
    local_variables(A, Tuple).
body_goal(V is E, _, _, [eval(V is E)|Tail], Tail, compute:evaluate(E, V)) :- !.
body_goal(Goal, _, _, [eval(Goal)|Tail], Tail, compute:holds(Goal)) :-
    comparison(Goal),
    !.
body_goal(Atom, Site, Now, [Tree|Tail], Tail, Goal) :-
    functor(Atom, Name, Arity),
    entry_kind(Name, Arity, Kind),
    atom_goal(Kind, Atom, Site, Now, Tree, Goal).

atom_goal(derived, Atom, Site, Now, Tree, Goal) :-
    Atom =.. [Name|Args],
    append(Args, [Site,Now,Derived], TwinArgs),
    Twin =.. [Name|TwinArgs],
    functor(Atom, Name, Arity),
    (   is_lemma(Name, Arity)
    ->  Tree = lemma(Atom),
        Goal = lemma:lemma(Atom, derived:Twin, Derived)
    ;   Tree = Derived,
        Goal = derived:Twin
    ).
atom_goal(state, Atom, Site, Now, fact(Atom, evidence(Source, ObservedAt, ValidUntil)), (Site:Stored, Now =< ValidUntil)) :-
    Atom =.. [Name|Args],
    append(Args, [Source,ObservedAt,ValidUntil], StoredArgs),
    Stored =.. [Name|StoredArgs].
atom_goal(inventory, Atom, Site, _, fact(Atom, inventory), Site:Atom).
atom_goal(clock, now(T), _, Now, fact(now(T), clock), T = Now).

%   all_solutions(+Template, :Goal, +Op, -Solutions, -Trees, ?Result): the aggregate, over distinct
%   tuples in canonical order, with the first of several proofs of a tuple in standard order. Trees are collected only where
%   the question wants proofs.

:- public all_solutions/6.

all_solutions(Tuple-Parts, Goal, op(Op, V), Solutions, Trees, Result) :-
    term_variables(Tuple, Locals),              % those that have a value by now are not local
    (   without_proofs
    ->  findall(Locals, Goal, Solutions0),
        sort(Solutions0, Solutions)
    ;   findall(Locals-Parts, Goal, Pairs0),
        sort(0, @=<, Pairs0, Pairs1),
        first_proofs(Pairs1, Pairs),
        pairs_keys_values(Pairs, Solutions, Trees)
    ),
    (   Op == count
    ->  length(Solutions, Result)
    ;   solution_values(Solutions, Locals, V, Values),
        aggregate(Op, Values, Result)
    ).

solution_values([], _, _, []).
solution_values([Solution|Solutions], Locals, V, [Value|Values]) :-
    copy_term(Locals-V, Solution-Value),
    solution_values(Solutions, Locals, V, Values).

first_proofs([], []).
first_proofs([K-V|T0], [K-V|T]) :-
    drop_key(T0, K, T1),
    first_proofs(T1, T).

drop_key([K0-_|T0], K, T) :- K0 == K, !, drop_key(T0, K, T).
drop_key(T, _, T).

aggregate(sum(integer), Values, Sum) :- foldl(add, Values, 0, Sum).
aggregate(sum(float), Values, Sum) :- foldl(add, Values, 0.0, Sum).
aggregate(min, Values, Min) :- min_list(Values, Min).
aggregate(max, Values, Max) :- max_list(Values, Max).
aggregate(set, Values, Set) :- sort(Values, Set).
aggregate(list, Values, Values).

add(X, Sum0, Sum) :- evaluate(Sum0+X, Sum).

                /*******************************
                *      stratification          *
                *******************************/

%   Negation or aggregation through recursion has no single meaning: refused.

check_stratified :-
    findall(P-Q, calls(P, Q, _), Edges),
    findall(P, member(P-_, Edges), Ps),
    findall(Q, member(_-Q, Edges), Qs),
    append(Ps, Qs, Vertices),
    vertices_edges_to_ugraph(Vertices, Edges, Graph),
    forall(calls(P, Q, closed), not_recursive(P, Q, Graph)).

not_recursive(P, Q, Graph) :-
    reachable(Q, Graph, Reachable),
    (   memberchk(P, Reachable)
    ->  P = Name/Arity,
        refuse(unknown_predicate, [Name, '/', Arity, ' depends on itself through a negation or an aggregate'])
    ;   true
    ).

calls(Name/Arity, Called, How) :-
    core_clause(Name, Arity, _, _, Body, _),
    body_call(Body, open, Called, How).

body_call((A,_), How0, Called, How) :- body_call(A, How0, Called, How).
body_call((_,B), How0, Called, How) :- !, body_call(B, How0, Called, How).
body_call(\+ A, _, Called, How) :- !, body_call(A, closed, Called, How).
body_call(all(_, _, A, _), _, Called, How) :- !, body_call(A, closed, Called, How).
body_call(Atom, How, Name/Arity, How) :-
    functor(Atom, Name, Arity),
    entry_kind(Name, Arity, derived).
