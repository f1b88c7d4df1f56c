:- module(language,
          [ check_question/4,           % +Goal0, +AnswerVars, -Goal, -Types
            check_clause/5,             % +Head, +Body0, -Body, -Types, +Where
            answer_variables/3,         % +Goal, +Bindings, -Named
            local_variables/2,          % +Goal, -Vars
            refuse_named_locals/2,      % +Goal, +Bindings
            comparison/1,               % ?Goal
            any_form/2,                 % +Term, -Closed
            closed_in/3                 % +Whole, +Term, -Closed
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(catalogue).
:- use_module(errors).
:- use_module(expression).

/** <module> The closed language of rules and questions

Checks a goal and brings it to normal form, as docs/protocol.md section 1 says: vocabulary, modes, types, literals
converted, aggregates written as all/4. `shared/src/language.ts` does the same in TypeScript; a
differential test holds the two together. Nothing that this module refuses is ever run.

State of the walk: Types, pairs Var-Base for every variable seen at a base type; Bound, the list of
variables that have a value at this point; Whole, the clause or question and its answer variables, to
tell whether a variable occurs outside a negation.
*/

%!  check_question(+Goal0, +AnswerVars, -Goal, -Types) is det.
%
%   @throws logic(Code, Message)

check_question(Goal0, AnswerVars, Goal, Types) :-
    acyclic(Goal0),
    check(Goal0, whole(Goal0, AnswerVars), Goal, [], Types, [], Bound),
    forall(member(V, AnswerVars), bound_answer(V, Bound)).

bound_answer(V, Bound) :-
    (   occurs_in(V, Bound)
    ->  true
    ;   refuse(non_ground_answer, ['an answer variable has no value in every answer'])
    ).

%!  check_clause(+Head, +Body0, -Body, -Types, +Where) is det.
%
%   The same for a core clause. Where (File:Line) goes into the message. A rule may not use `;`.

check_clause(Head, Body0, Body, Types, Where) :-
    catch(check_clause_(Head, Body0, Body, Types),
          error(logic(Code, Message), _),
          ( Where = File:Line,
            refuse(Code, [File, ':', Line, ': ', Message]) )).

check_clause_(Head, Body0, Body, Types) :-
    acyclic(Head-Body0),
    functor(Head, Name, Arity),
    (   entry_kind(Name, Arity, derived)
    ->  true
    ;   refuse(unknown_predicate, [Name, '/', Arity, ' is not declared as derived'])
    ),
    (   has_disjunction(Body0)
    ->  refuse(unknown_predicate, ['(;)/2 in a rule: write two clauses'])
    ;   true
    ),
    term_variables(Head, HeadVars),
    check(Body0, whole(Head-Body0, []), Body, [], Types0, [], Bound),
    forall(member(V, HeadVars), bound_answer(V, Bound)),
    check_arguments(Head, 1, _, Types0, Types, HeadVars).

has_disjunction((_;_)) :- !.
has_disjunction((A,B)) :- ( has_disjunction(A) -> true ; has_disjunction(B) ).

acyclic(Term) :-
    (   acyclic_term(Term)
    ->  true
    ;   refuse(type_error, ['a cyclic term'])
    ).

%   check(+Goal0, +Whole, -Goal, +Types0, -Types, +Bound0, -Bound)

check(Goal, _, _, _, _, _, _) :-
    var(Goal),
    !,
    refuse(type_error, ['a variable stands where a goal should']).
check(true, _, true, T, T, B, B) :- !.
check((G1,G2), W, (N1,N2), T0, T, B0, B) :-
    !,
    check(G1, W, N1, T0, T1, B0, B1),
    check(G2, W, N2, T1, T, B1, B).
check((G1;G2), W, (N1;N2), T0, T, B0, B) :-
    !,
    check(G1, W, N1, T0, T1, B0, B1),
    check(G2, W, N2, T1, T, B0, B2),
    common_variables(B1, B2, B).
check(\+ G, W, \+ N, T0, T, B, B) :-
    !,
    no_free_variables(G, W, B),
    check(G, W, N, T0, T, B, _).
check(forall(A, B), W, \+ (NA, \+ NB), T0, T, B0, B0) :-
    !,
    no_free_variables((A,B), W, B0),
    check(A, W, NA, T0, T1, B0, B1),
    no_free_variables(B, W, B1),
    check(B, W, NB, T1, T, B1, _).
check(top(K, V, G), W, N, T0, T, B0, B) :-
    !,
    check_top(K, V, G, W, N, T0, T, B0, B).
check(aggregate_all(Spec, G, R), W, all(Op, V, N, R), T0, T, B0, B) :-
    !,
    check_aggregate(Spec, G, R, W, all(Op, V, N), T0, T, B0, B).
check(V is E, _, V is N, T0, T, B0, B) :-
    !,
    (   var(V), \+ occurs_in(V, B0)
    ->  true
    ;   refuse(type_error, ['the left side of is/2 must be a new variable: compare with =:='])
    ),
    expression(E, T0, B0, Kind, N0),
    settled(Kind, N0, Base, N),
    type_variable(V, Base, T0, T),
    B = [V|B0].
check(Goal, _, N, T, T, B, B) :-
    arithmetic_comparison(Goal),
    !,
    Goal =.. [Op,E1,E2],
    expression(E1, T, B, K1, N1),
    expression(E2, T, B, K2, N2),
    one_kind(K1, K2, _, N1, N2, M1, M2),
    N =.. [Op,M1,M2].
check(Goal, _, N, T, T, B, B) :-
    identity_comparison(Goal),
    !,
    Goal =.. [Op,A1,A2],
    identity_side(A1, T, B, K1),
    identity_side(A2, T, B, K2),
    same_base(K1, K2, A1, A2, M1, M2),
    N =.. [Op,M1,M2].
check(Goal, _, N, T0, T, B0, B) :-
    callable(Goal),
    functor(Goal, Name, Arity),
    entry(Name, Arity, _),
    !,
    check_arguments(Goal, 1, N, T0, T, B0),
    term_variables(Goal, Vars),
    foldl(bind_variable, Vars, B0, B).
check(Goal, _, _, _, _, _, _) :-
    callable(Goal),
    !,
    functor(Goal, Name, Arity),
    refuse(unknown_predicate, [Name, '/', Arity, ' is not in the catalogue']).
check(_, _, _, _, _, _, _) :-
    refuse(type_error, ['a number or text stands where a goal should']).

%!  comparison(?Goal) is semidet.
%
%   Goal is decided by computing, not by looking: an `eval` step of a proof.

comparison(Goal) :- arithmetic_comparison(Goal), !.
comparison(Goal) :- identity_comparison(Goal), !.
comparison(_ is _).

arithmetic_comparison(_ < _).
arithmetic_comparison(_ > _).
arithmetic_comparison(_ =< _).
arithmetic_comparison(_ >= _).
arithmetic_comparison(_ =:= _).
arithmetic_comparison(_ =\= _).

identity_comparison(_ == _).
identity_comparison(_ \== _).

                /*******************************
                *      atoms of the catalogue  *
                *******************************/

%   check_arguments(+Goal0, +I, -Goal, +Types0, -Types, +Bound)

check_arguments(Goal0, _, Goal, T0, T, Bound) :-
    Goal0 =.. [Name|Args0],
    length(Args0, Arity),
    check_arguments_(Args0, 1, Name/Arity, Args, T0, T, Bound),
    Goal =.. [Name|Args].

check_arguments_([], _, _, [], T, T, _).
check_arguments_([A0|As0], I, Name/Arity, [A|As], T0, T, Bound) :-
    argument(Name, Arity, I, Type, Mode),
    !,
    check_argument(A0, Type, Mode, at(Name, Arity, I), A, T0, T1, Bound),
    I1 is I+1,
    check_arguments_(As0, I1, Name/Arity, As, T1, T, Bound).

check_argument(V, Type, Mode, At, V, T0, T, Bound) :-
    var(V),
    !,
    (   Mode == (+), \+ occurs_in(V, Bound)
    ->  At = at(Name, Arity, I),
        refuse(unbound_argument, ['argument ', I, ' of ', Name, '/', Arity, ' must have a value before the call'])
    ;   true
    ),
    base_type(Type, Base),
    type_variable(V, Base, T0, T).
check_argument(I, float, _, _, F, T, T, _) :-
    integer(I),
    !,
    as_float(I, F).
check_argument(C, Type, _, _, C, T, T, _) :-
    atomic(C),
    \+ negative_zero(C),
    value_of_type(C, Type),
    !.
check_argument(_, Type, _, at(Name, Arity, I), _, _, _, _) :-
    type_text(Type, Text),
    refuse(type_error, ['argument ', I, ' of ', Name, '/', Arity, ' must be ', Text]).

type_text(oneof(Values), Text) :-
    !,
    atomic_list_concat(Values, ', ', Text0),
    atom_concat('one of ', Text0, Text).
type_text(boolean, 'true or false') :- !.
type_text(time, 'a time in milliseconds (integer)') :- !.
type_text(Type, Type).

%   type_variable(+Var, +Base, +Types0, -Types): one base type for each variable.
type_variable(V, Base, T, T) :-
    type_of(V, T, Base0),
    !,
    (   Base0 == Base
    ->  true
    ;   base_text(Base0, B0),
        base_text(Base, B1),
        refuse(type_error, ['a variable is used as ', B0, ' and as ', B1])
    ).
type_variable(V, Base, T, [V-Base|T]).

bind_variable(V, B0, B) :-
    (   occurs_in(V, B0)
    ->  B = B0
    ;   B = [V|B0]
    ).

common_variables([], _, []).
common_variables([V|Vs], Others, Common) :-
    (   occurs_in(V, Others)
    ->  Common = [V|Rest]
    ;   Common = Rest
    ),
    common_variables(Vs, Others, Rest).

                /*******************************
                *      identity                *
                *******************************/

identity_side(V, T, B, Kind) :-
    var(V),
    !,
    (   occurs_in(V, B)
    ->  type_of(V, T, Kind)
    ;   refuse(unbound_argument, ['a variable in a comparison has no value yet'])
    ).
identity_side(I, _, _, literal) :- integer(I), !, short_integer(I).
identity_side(F, _, _, float) :- float(F), \+ negative_zero(F), !.
identity_side(A, _, _, atom) :- value_of_type(A, atom), !.
identity_side(_, _, _, _) :-
    refuse(type_error, ['== and \\== compare variables, atoms and numbers']).

same_base(literal, float, A0, B, A, B) :- !, as_float(A0, A).
same_base(float, literal, A, B0, A, B) :- !, as_float(B0, B).
same_base(literal, integer, A, B, A, B) :- !.
same_base(integer, literal, A, B, A, B) :- !.
same_base(K, K, A, B, A, B) :- !.
same_base(_, _, _, _, _, _) :-
    refuse(type_error, ['the two sides of a comparison have different types']).

                /*******************************
                *   negation and aggregates    *
                *******************************/

no_free_variables(Inner, whole(Whole, AnswerVars), Bound) :-
    term_variables(Inner, Vars),
    forall(( member(V, Vars), \+ occurs_in(V, Bound) ),
           only_inside(V, Inner, Whole, AnswerVars)).

only_inside(V, Inner, Whole, AnswerVars) :-
    occurrences(V, Inner, N),
    occurrences(V, Whole, M),
    (   N =:= M, \+ occurs_in(V, AnswerVars)
    ->  true
    ;   refuse(free_variable, ['a variable is used in a negation or aggregate and outside it, but has no value before it'])
    ).

occurrences(V, Term, N) :-
    term_occurrences(Term, V, 0, N).

term_occurrences(T, V, N0, N) :- var(T), !, ( T == V -> N is N0+1 ; N = N0 ).
term_occurrences(T, V, N0, N) :-
    compound(T),
    !,
    compound_name_arguments(T, _, Args),
    foldl(argument_occurrences(V), Args, N0, N).
term_occurrences(_, _, N, N).

argument_occurrences(V, Arg, N0, N) :-
    term_occurrences(Arg, V, N0, N).

check_aggregate(Spec, G, R, W, all(Op, V, N), T0, T, B0, B) :-
    aggregate_spec(Spec, Name, V),
    no_free_variables(G-Spec, W, B0),
    term_variables(G-Spec, Inside),
    (   var(R), occurs_in(R, Inside)
    ->  refuse(free_variable, ['the result of an aggregate occurs inside it'])
    ;   true
    ),
    check(G, W, N, T0, T1, B0, B1),
    local_variables(N, Tuple),
    forall(member(Local, Tuple), bound_local(Local, B1)),
    aggregate_type(Name, V, T1, B1, Op, Type),
    aggregate_result(R, Type, T1, T, B0, B).

%   A solution is a tuple of values: a local that one side of a disjunction leaves open would have none.
bound_local(V, Bound) :-
    (   occurs_in(V, Bound)
    ->  true
    ;   refuse(unbound_argument, ['the goal of an aggregate leaves a variable without a value'])
    ).

aggregate_spec(Spec, _, _) :- var(Spec), !, bad_spec.
aggregate_spec(count, count, []) :- !.
aggregate_spec(Spec, Name, V) :-
    compound(Spec),
    Spec =.. [Name,V],
    memberchk(Name, [sum,min,max,set,list]),
    var(V),
    !.
aggregate_spec(_, _, _) :- bad_spec.

bad_spec :-
    refuse(type_error, ['an aggregate is one of count, sum(V), min(V), max(V), set(V), list(V)']).

aggregate_type(count, _, _, _, count, integer) :- !.
aggregate_type(Name, V, T, B, Op, Type) :-
    (   occurs_in(V, B)
    ->  true
    ;   refuse(unbound_argument, ['the goal of the aggregate gives its variable no value'])
    ),
    type_of(V, T, Base),
    aggregate_type_(Name, Base, Op, Type).

aggregate_type_(Name, Base, Name, list(Base)) :- memberchk(Name, [set,list]), !.
aggregate_type_(sum, Base, sum(Base), Base) :- memberchk(Base, [integer,float]), !.
aggregate_type_(Name, Base, Name, Base) :- memberchk(Base, [integer,float]), !.
aggregate_type_(Name, _, _, _) :-
    refuse(type_error, [Name, ' needs a number']).

%   top(K, V, G): a solution of G with fewer than K distinct solutions of larger V. The second G has variables of its own.
check_top(K, V, G, W, (N, all(count, [], (N1, V1 > V), C), C < K), T0, T, B0, [C|B]) :-
    (   integer(K), K >= 1
    ->  short_integer(K)
    ;   refuse(type_error, ['the first argument of top/3 is a whole number, 1 or more'])
    ),
    (   var(V), \+ occurs_in(V, B0)
    ->  true
    ;   refuse(type_error, ['the second argument of top/3 is a variable that its goal gives a value'])
    ),
    check(G, W, N, T0, T1, B0, B),
    (   occurs_in(V, B)
    ->  true
    ;   refuse(unbound_argument, ['the goal of top/3 gives its variable no value'])
    ),
    type_of(V, T1, Base),
    (   memberchk(Base, [integer,float])
    ->  true
    ;   refuse(type_error, ['top/3 needs a number'])
    ),
    local_variables(N, Tuple),
    forall(member(Local, Tuple), bound_local(Local, B)),
    copy_term(B0-N-V, B0-N1-V1),
    type_variable(C, integer, T1, T).

aggregate_result(R, Type, T0, T, B0, B) :-
    var(R),
    !,
    type_variable(R, Type, T0, T),
    bind_variable(R, B0, B).
aggregate_result(R, Type, T, T, B, B) :-
    number(R),
    value_of_type(R, Type),
    !.
aggregate_result(_, _, _, _, _, _) :-
    refuse(type_error, ['the result of an aggregate is a variable or a number of its type']).

                /*******************************
                *      variables               *
                *******************************/

%!  answer_variables(+Goal, +Bindings, -Named) is det.
%
%   Named are those Name=Var of Bindings whose variable is answered: named, and occurring outside
%   negations and aggregates. Works on the goal as it was read.

answer_variables(Goal, Bindings, Named) :-
    local_variables(Goal, Outer),
    include(answered(Outer), Bindings, Named).

answered(Outer, Name=V) :-
    \+ sub_atom(Name, 0, _, _, '_'),
    occurs_in(V, Outer).

%!  refuse_named_locals(+Goal, +Bindings) is det.
%
%   Refuse a variable with a name (Bindings has Name=Var) that is local to a negation of the question Goal: whoever wrote it wanted
%   to know which, and a negation tells of none. forall/2 and aggregates say what their variables range over.
%
%   @throws logic(free_variable, _)

refuse_named_locals(Goal, Bindings) :-
    forall(( negated(Goal, Inner), local_variables(Inner, Vars), member(V, Vars) ),
           unnamed_local(V, Inner, Goal, Bindings)).

unnamed_local(V, Inner, Goal, Bindings) :-
    (   member(Name=V0, Bindings), V0 == V,
        \+ sub_atom(Name, 0, _, _, '_'),
        occurrences(V, Inner, N),
        occurrences(V, Goal, N)
    ->  refuse(free_variable, [Name, ' has no value before the negation: put a goal that gives it one before, or write _', Name])
    ;   true
    ).

negated(G, _) :- var(G), !, fail.
negated((A,B), Inner) :- !, ( negated(A, Inner) ; negated(B, Inner) ).
negated((A;B), Inner) :- !, ( negated(A, Inner) ; negated(B, Inner) ).
negated(\+ A, Inner) :- ( Inner = A ; negated(A, Inner) ).

%!  local_variables(+Goal, -Vars) is det.
%
%   The variables of Goal outside its own nested negations and aggregates, in order of first occurrence:
%   for the goal of an aggregate, the tuple that makes a solution.

local_variables(Goal, Vars) :-
    outside(Goal, Terms, []),
    term_variables(Terms, Vars).

outside(G, [G|L], L) :- var(G), !.
outside((A,B), L0, L) :- !, outside(A, L0, L1), outside(B, L1, L).
outside((A;B), L0, L) :- !, outside(A, L0, L1), outside(B, L1, L).
outside(\+ _, L, L) :- !.
outside(forall(_, _), L, L) :- !.
outside(top(_, V, G), [V|L0], L) :- !, outside(G, L0, L).
outside(aggregate_all(_, _, R), [R|L], L) :- !.
outside(all(_, _, _, R), [R|L], L) :- !.
outside(G, [G|L], L).

%!  any_form(+Term, -Closed) is det.
%
%   Closed is Term with its unbound variables written as '$any'(0), '$any'(1), ... in order of first
%   occurrence: how a proof writes what is existential inside a negation or an aggregate. Term is left as it is.

any_form(Term, Closed) :-
    copy_term(Term, Closed),
    term_variables(Closed, Vars),
    foldl(any_variable, Vars, 0, _).

any_variable('$any'(I), I, I1) :-
    I1 is I+1.

%!  closed_in(+Whole, +Term, -Closed) is det.
%
%   The same before anything has a value, for a Term that stands in Whole: existential is what occurs nowhere else. The other
%   variables are shared with Term.

closed_in(Whole, Term, Closed) :-
    term_variables(Term, Vars),
    partition(only_in(Term, Whole), Vars, Locals, Others),
    copy_term(Others-Locals-Term, Others-Anys-Closed),
    foldl(any_variable, Anys, 0, _).

only_in(Term, Whole, V) :-
    occurrences(V, Term, N),
    occurrences(V, Whole, N).
