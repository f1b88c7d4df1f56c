:- module(expression,
          [ expression/5,               % +E, +Types, +Bound, -Kind, -Normal
            one_kind/7,                 % +KindA, +KindB, -Kind, +A0, +B0, -A, -B
            settled/4,                  % +Kind, +E0, -Base, -E
            as_float/2,                 % +Integer, -Float
            short_integer/1,            % +Integer
            negative_zero/1,            % +Value
            occurs_in/2,                % +Var, +Vars
            type_of/3,                  % +Var, +Types, -Base
            base_text/2                 % +Base, -Text
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(errors).

/** <module> Arithmetic in the closed language: types, and literals that become floats

The half of language.pl that knows nothing of the catalogue. `shared/src/language-arithmetic.ts` does the same in TypeScript.

    ?- expression(X+1, [X-float], [X], Kind, E).
    Kind = float, E = X+1.0.
*/

%   expression(+E, +Types, +Bound, -Kind, -Normal): Kind is integer, float, or `literal`
%   (integer literals only, which may still become floats).

expression(V, T, B, Kind, V) :-
    var(V),
    !,
    (   occurs_in(V, B)
    ->  true
    ;   refuse(unbound_argument, ['a variable in arithmetic has no value yet'])
    ),
    type_of(V, T, Kind),
    (   memberchk(Kind, [integer,float])
    ->  true
    ;   base_text(Kind, Text),
        refuse(type_error, ['a variable of type ', Text, ' stands in arithmetic'])
    ).
expression(N, _, _, literal, N) :-
    integer(N),
    !,
    short_integer(N).
expression(N, _, _, float, N) :-
    float(N),
    !,
    (   float_class(N, Class), memberchk(Class, [zero,subnormal,normal]), \+ negative_zero(N)
    ->  true
    ;   refuse(type_error, ['a float must be finite and not -0.0'])
    ).
expression(E, T, B, Kind, N) :-
    compound(E),
    E =.. [F,E1,E2],
    memberchk(F, [+,-,*,min,max]),
    !,
    expression(E1, T, B, K1, N1),
    expression(E2, T, B, K2, N2),
    one_kind(K1, K2, Kind, N1, N2, M1, M2),
    N =.. [F,M1,M2].
expression(E, T, B, Kind, N) :-
    compound(E),
    E =.. [F,E1,E2],
    memberchk(F, [//,mod]),
    !,
    expression(E1, T, B, K1, N1),
    expression(E2, T, B, K2, N2),
    (   K1 \== float, K2 \== float
    ->  true
    ;   refuse(mixed_arithmetic, [F, ' takes integers'])
    ),
    one_kind(K1, K2, Kind, N1, N2, M1, M2),
    N =.. [F,M1,M2].
expression(E1/E2, T, B, float, M1/M2) :-
    !,
    expression(E1, T, B, K1, N1),
    expression(E2, T, B, K2, N2),
    (   K1 \== integer, K2 \== integer, (K1 == float ; K2 == float)
    ->  true
    ;   refuse(mixed_arithmetic, ['/ takes floats: write float(X)'])
    ),
    one_kind(K1, K2, float, N1, N2, M1, M2).
expression(abs(E), T, B, Kind, abs(N)) :- !, expression(E, T, B, Kind, N).
expression(-(E), T, B, Kind, -(N)) :- !, expression(E, T, B, Kind, N).
expression(float(E), T, B, float, float(N)) :-
    !,
    expression(E, T, B, _, N).
expression(E, _, _, _, _) :-
    callable(E),
    !,
    functor(E, Name, Arity),
    refuse(unknown_predicate, [Name, '/', Arity, ' is not an arithmetic function of the language']).
expression(_, _, _, _, _) :-
    refuse(type_error, ['text stands in arithmetic']).

one_kind(float, float, float, A, B, A, B) :- !.
one_kind(integer, integer, integer, A, B, A, B) :- !.
one_kind(literal, literal, literal, A, B, A, B) :- !.
one_kind(literal, integer, integer, A, B, A, B) :- !.
one_kind(integer, literal, integer, A, B, A, B) :- !.
one_kind(literal, float, float, A0, B, A, B) :- !, literal_floats(A0, A).
one_kind(float, literal, float, A, B0, A, B) :- !, literal_floats(B0, B).
one_kind(_, _, _, _, _, _, _) :-
    refuse(mixed_arithmetic, ['an integer meets a float: write float(X)']).

%   A side of integer literals only, beside a float: literal by literal.
literal_floats(N, F) :- integer(N), !, as_float(N, F).
literal_floats(E, _) :-
    E =.. [F|_],
    memberchk(F, [//,mod]),
    !,
    refuse(mixed_arithmetic, [F, ' takes integers']).
literal_floats(E, N) :-
    E =.. [F|Args0],
    maplist(literal_floats, Args0, Args),
    N =.. [F|Args].

as_float(I, F) :-
    short_integer(I),
    F is float(I).

short_integer(I) :-
    (   abs(I) < 1<<256
    ->  true
    ;   refuse(type_error, ['an integer is longer than 256 bits'])
    ).

settled(literal, N, integer, N) :- !.
settled(Kind, N, Kind, N).

negative_zero(C) :- float(C), C =:= 0.0, C \== 0.0.

                /*******************************
                *      what is known           *
                *******************************/

%   type_of(+Var, +Types, -Base): Types are pairs Var-Base.

type_of(V, [V0-Base0|T], Base) :-
    (   V == V0
    ->  Base = Base0
    ;   type_of(V, T, Base)
    ).

base_text(list(Base), Text) :- !, atom_concat('list of ', Base, Text).
base_text(Base, Base).

occurs_in(V, [V0|T]) :-
    (   V == V0
    ->  true
    ;   occurs_in(V, T)
    ).
