:- module(twin,
          [ load_core/2,                % +Module, +File
            build_twins/0,
            core_clause/6,              % ?Name, ?Arity, ?K, -Head, -Body, -Where
            body_goal/6                 % +Body, +Site, +Now, -Trees, -Tail, -Goal
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(ugraphs)).
:- use_module(library(aggregate), [aggregate_all/3]).
:- use_module(library(error)).
:- use_module(catalogue).
:- use_module(language).
:- use_module(facts).
:- use_module(errors).
:- use_module(compute).
:- use_module(lemma).
:- use_module(unfold).
:- use_module(straight).

/** <module> Core clauses and their twins

Reads the core rules, refuses what is outside the language (SHARP-EDGES 3), and expands each clause into a *twin* that
derives the same and gives a *witness* as it goes: the number of the clause and what the proof says that the conclusion does not, nothing
else. A witness is a few cells where a proof is a hundred, and answers are copied several times before they are given. The clause

    node_status(N, up) :- node(N), node_up(N, true).

becomes, in module `derived`,

    node_status(N, up, Site, Now, w1(S,O,V)) :-
        Site:node(N), Site:node_up(N, true, S, O, V), Now =< V.

and the same clause turns the witness back into a tree (unfold.pl) or, where no conclusion can stand twice in the proof, straight into its
numbered steps (straight.pl). Site names the module of the asking site's facts. The order of clauses within a predicate numbers them; a
predicate stands in one file. After build_twins/0 nothing here changes.
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
           check_twin(Name, Arity, Head, Body0, Where)),
    forall(( entry(Name, Arity, _), entry_kind(Name, Arity, derived), \+ core_clause(Name, Arity, _, _, _, _) ),
           refuse(unknown_predicate, [Name, '/', Arity, ' is declared as derived and has no clause'])),
    retractall(read_clause(_, _, _, _, _)),
    check_stratified,
    setup_call_cleanup(
        ( current_prolog_flag(optimise, Optimise), set_prolog_flag(optimise, true) ),
        compile_twins,                          % arithmetic without a call
        set_prolog_flag(optimise, Optimise)).

check_twin(Name, Arity, Head, Body0, Where) :-
    check_clause(Head, Body0, Body, _, Where),
    aggregate_all(count, core_clause(Name, Arity, _, _, _, _), K0),
    K is K0+1,
    assertz(core_clause(Name, Arity, K, Head, Body, Where)).

compile_twins :-
    forall(core_clause(Name, Arity, K, Head, Body, _),
           compile_twin(clause(Name,Arity,K), Head, Body)),
    compile_straight,
    findall(derived:Name/Stored, ( entry(Name, Arity, _), entry_kind(Name, Arity, derived), Stored is Arity+3 ), Specs),
    compile_predicates(Specs).

compile_twin(Id, Head, Body) :-
    body_goal(Body, Site, Now, Parts, [], Goal),
    compile_tree(Id, Head, Body, Parts, Witness),
    Head =.. [Name|Args],
    append(Args, [Site,Now,Witness], TwinArgs),
    Twin =.. [Name|TwinArgs],
    assertz((derived:Twin :- Goal)).

%!  body_goal(+Body, +Site, +Now, -Parts, ?Tail, -Goal) is det.
%
%   Goal runs Body (in normal form) for Site at Now. Parts, up to Tail, are what unfold.pl makes the proof trees of its parts
%   from; a disjunction's part is seq(Parts), bound when one side has succeeded. Serves rules and questions alike.

body_goal(true, _, _, Ps, Ps, true) :- !.
body_goal((A,B), Site, Now, Ps0, Ps, (GA,GB)) :-
    !,
    body_goal(A, Site, Now, Ps0, Ps1, GA),
    body_goal(B, Site, Now, Ps1, Ps, GB).
body_goal((A;B), Site, Now, [seq(Ps)|Tail], Tail, ((GA,Ps=PA) ; (GB,Ps=PB))) :-
    !,
    body_goal(A, Site, Now, PA, [], GA),
    body_goal(B, Site, Now, PB, [], GB).
body_goal(\+ A, Site, Now, [absent(A)|Tail], Tail, \+ GA) :-
    !,
    body_goal(A, Site, Now, _, [], GA).
body_goal(all(Op, V, A, R), Site, Now, [all(Op, V, A, R, Pairs, Inner)|Tail], Tail,
          twin:all_solutions(Inner, GA, op(Op, V), Pairs, R)) :-
    !,
    body_goal(A, Site, Now, Parts, [], GA),
    local_variables(A, Tuple),
    inner_witness(Parts, Tuple, Inner).
body_goal(V is E, _, _, [eval(V is E)|Tail], Tail, compute:evaluate(E, V)) :- !.
body_goal(Goal, _, _, [eval(Goal)|Tail], Tail, compute:holds(Goal)) :-
    comparison(Goal),
    !.
body_goal(Atom, Site, Now, [Part|Tail], Tail, Goal) :-
    functor(Atom, Name, Arity),
    entry_kind(Name, Arity, Kind),
    atom_goal(Kind, Atom, Site, Now, Part, Goal).

atom_goal(derived, Atom, Site, Now, Part, Goal) :-
    Atom =.. [Name|Args],
    append(Args, [Site,Now,Witness], TwinArgs),
    Twin =.. [Name|TwinArgs],
    functor(Atom, Name, Arity),
    (   is_lemma(Name, Arity)
    ->  Part = lemma(Atom),
        Goal = lemma:lemma(Atom, derived:Twin, Witness)
    ;   witnessed(Atom, Witness, Call),
        Part = call(Call),
        Goal = derived:Twin
    ).
atom_goal(state, Atom, Site, Now, fact(Atom, evidence(Source, ObservedAt, ValidUntil)), (Site:Stored, Now =< ValidUntil)) :-
    Atom =.. [Name|Args],
    append(Args, [Source,ObservedAt,ValidUntil], StoredArgs),
    Stored =.. [Name|StoredArgs].
atom_goal(inventory, Atom, Site, _, fact(Atom, inventory), Site:Atom).
atom_goal(clock, now(T), _, Now, fact(now(T), clock), T = Now).

%   all_solutions(+Inner, :Goal, +Op, -Pairs, ?Result): the aggregate, over distinct tuples in canonical order. Pairs, of a tuple
%   and the witness of the first of its proofs in standard order, are kept only where the question wants proofs.

:- public all_solutions/5.

all_solutions(inner(Tuple, Witness, Parts), Goal, op(Op, V), Pairs, Result) :-
    term_variables(Tuple, Locals),              % those that have a value by now are not local
    Key =.. [k|Locals],
    (   without_proofs
    ->  findall(Key, Goal, Keys0),
        sort(Keys0, Solutions)                  % each a key or a pair
    ;   findall(Key-Witness, Goal, Pairs0),
        first_proofs(Pairs0, pair_trees(inner(Tuple, Witness, Parts)), Pairs),
        Solutions = Pairs
    ),
    (   Op == count
    ->  length(Solutions, Result)
    ;   place(Locals, V, 1, Place),
        solution_values(Solutions, Place, Values),
        aggregate(Op, Values, Result)
    ).

%   place(+Locals, +V, +I0, -Place): where V stands in a key, or value(V) where it is not local.
place([], V, _, value(V)).
place([Local|Locals], V, I, Place) :-
    (   Local == V
    ->  Place = I
    ;   I1 is I+1,
        place(Locals, V, I1, Place)
    ).

solution_values([], _, []).
solution_values([Solution|Solutions], Place, [Value|Values]) :-
    (   Solution = Key-_
    ->  true
    ;   Key = Solution
    ),
    (   Place = value(Value)
    ->  true
    ;   arg(Place, Key, Value)
    ),
    solution_values(Solutions, Place, Values).

aggregate(sum(integer), Values, Sum) :- sum_numbers(Values, 0, Sum).
aggregate(sum(float), Values, Sum) :- sum_numbers(Values, 0.0, Sum).
aggregate(min, Values, Min) :- min_list(Values, Min).
aggregate(max, Values, Max) :- max_list(Values, Max).
aggregate(set, Values, Set) :- sort(Values, Set).
aggregate(list, Values, Values).

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
