:- module(compute,
          [ evaluate/2,                 % +Expression, -Value
            sum_numbers/3,              % +Numbers, +Sum0, -Sum
            holds/1                     % +Comparison
          ]).
:- use_module(errors).

:- set_prolog_flag(optimise, true).        % for this file: arithmetic without a call

/** <module> The closed arithmetic of rules and questions

The same functions with the same results as `shared/src/arithmetic.ts`: exact integers of at most 256 bits and
finite IEEE doubles that never meet. SWI-Prolog's own is/2 would also take characters, rationals, mixed
operands and functions beyond the list (SHARP-EDGES 5), so the structure is walked here and
only the single operation is left to it. What is usual (integers that fit a word, floats far from infinity) needs no more than
that operation: it cannot fail, nor leave the range.

    ?- evaluate(float(3)/2.0, X).
*/

%!  evaluate(+Expression, -Value) is det.
%
%   @throws logic(evaluation_error, _) for a zero divisor or a float that is not finite.
%   @throws logic(type_error, _) for mixed operands or an integer past 256 bits.

evaluate(N, V) :- number(N), !, in_range(N, V).
evaluate(A+B, V) :- operand(A, X), operand(B, Y), plus(X, Y, V).
evaluate(A-B, V) :- operand(A, X), operand(B, Y), minus(X, Y, V).
evaluate(A*B, V) :- operand(A, X), operand(B, Y), times(X, Y, V).
evaluate(A/B, V) :- evaluate(A, X), evaluate(B, Y), both(float, X, Y), operation(X/Y, V).
evaluate(A//B, V) :- evaluate(A, X), evaluate(B, Y), both(integer, X, Y), operation(X//Y, V).
evaluate(A mod B, V) :- evaluate(A, X), evaluate(B, Y), both(integer, X, Y), operation(X mod Y, V).
evaluate(min(A,B), V) :- evaluate(A, X), evaluate(B, Y), same_kind(X, Y), operation(min(X,Y), V).
evaluate(max(A,B), V) :- evaluate(A, X), evaluate(B, Y), same_kind(X, Y), operation(max(X,Y), V).
evaluate(abs(A), V) :- evaluate(A, X), operation(abs(X), V).
evaluate(-(A), V) :- evaluate(A, X), operation(-(X), V).
evaluate(float(A), V) :- evaluate(A, X), operation(float(X), V).

operand(A, X) :- ( number(A) -> X = A ; evaluate(A, X) ).

plus(X, Y, V) :-
    (   words(X, Y)
    ->  V is X+Y
    ;   tame(X, Y)
    ->  V is X+Y+0.0
    ;   evaluate(X, X1), evaluate(Y, Y1), same_kind(X1, Y1), operation(X1+Y1, V)
    ).

minus(X, Y, V) :-
    (   words(X, Y)
    ->  V is X-Y
    ;   tame(X, Y)
    ->  V is X-Y+0.0
    ;   evaluate(X, X1), evaluate(Y, Y1), same_kind(X1, Y1), operation(X1-Y1, V)
    ).

times(X, Y, V) :-
    (   words(X, Y)
    ->  V is X*Y
    ;   tame(X, Y)
    ->  V is X*Y+0.0
    ;   evaluate(X, X1), evaluate(Y, Y1), same_kind(X1, Y1), operation(X1*Y1, V)
    ).

%   words(+X, +Y): two integers whose sum, difference and product are in range.
words(X, Y) :-
    integer(X), integer(Y),
    X =< 0xffffffffffff, X >= -0xffffffffffff, Y =< 0xffffffffffff, Y >= -0xffffffffffff.

%   tame(+X, +Y): two floats whose sum, difference and product are finite.
tame(X, Y) :-
    float(X), float(Y),
    X =< 1.0e150, X >= -1.0e150, Y =< 1.0e150, Y >= -1.0e150.

operation(Expression, V) :-
    catch(V0 is Expression, error(evaluation_error(Kind), _),
          refuse(evaluation_error, ['the arithmetic has no value: ', Kind])),
    in_range(V0, V).

%   A negative zero becomes zero: -0.0 + 0.0 is 0.0, and no other float changes. What fits a machine word is not compared with
%   1<<256, which is computed each time: that was a third of an addition.
in_range(V0, V) :-
    integer(V0),
    !,
    (   abs(V0) =< 0xffffffffffff
    ->  V = V0
    ;   abs(V0) < 1<<256
    ->  V = V0
    ;   refuse(type_error, ['an integer is longer than 256 bits'])
    ).
in_range(V0, V) :-
    V is V0+0.0,
    (   float_class(V, Class),
        memberchk(Class, [zero,subnormal,normal])
    ->  true
    ;   refuse(evaluation_error, ['the arithmetic has no finite value'])
    ).

same_kind(X, Y) :- integer(X), integer(Y), !.
same_kind(X, Y) :- both(float, X, Y).

both(integer, X, Y) :- integer(X), integer(Y), !.
both(float, X, Y) :- float(X), float(Y), !.
both(Kind, _, _) :- refuse(type_error, ['both operands must be of one kind, ', Kind]).

%!  holds(+Comparison) is semidet.
%
%   Decide a ground comparison in normal form.

holds(A < B)   :- operands(A, B, X, Y), X < Y.
holds(A > B)   :- operands(A, B, X, Y), X > Y.
holds(A =< B)  :- operands(A, B, X, Y), X =< Y.
holds(A >= B)  :- operands(A, B, X, Y), X >= Y.
holds(A =:= B) :- operands(A, B, X, Y), X =:= Y.
holds(A =\= B) :- operands(A, B, X, Y), X =\= Y.
holds(A == B)  :- A == B.
holds(A \== B) :- A \== B.
holds(V is E)  :- evaluate(E, V0), V == V0.

operands(A, B, X, Y) :-
    (   words(A, B)
    ->  X = A, Y = B
    ;   tame(A, B)
    ->  X = A, Y = B
    ;   evaluate(A, X),
        evaluate(B, Y),
        same_kind(X, Y)
    ).

%!  sum_numbers(+Numbers, +Sum0, -Sum) is det.

sum_numbers([], Sum, Sum).
sum_numbers([X|Xs], Sum0, Sum) :-
    plus(Sum0, X, Sum1),
    sum_numbers(Xs, Sum1, Sum).
