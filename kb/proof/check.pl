:- module(proof_check,
          [ check_proof/4               % +Proof, +Question, +Values, +Options
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(option)).
:- use_module(library(assoc)).
:- use_module(errors).
:- use_module(catalogue).
:- use_module(facts).
:- use_module(assume).
:- use_module(language).
:- use_module(compute).
:- use_module(twin, [core_clause/6]).

/** <module> The proof checker

Accepts a proof or says which step does not hold, after the table of docs/protocol.md section 3. It shares the clauses and the
arithmetic with the prover and nothing else: it never searches, it only matches. `shared/src/proof.ts` is its twin
in TypeScript; the golden corpus in kb/test/golden is read by both.

    ?- check_proof(Proof, question(Goal, Vars, _, []), Values, [now(Now)]).
*/

%!  check_proof(+Proof, +Question, +Values, +Options) is det.
%
%   Proof shows that the answer Values of Question holds. Options: now(Ms), skew(Ms) (default 0).
%
%   @throws logic(bad_proof, _) or logic(stale_evidence, _), naming the step.

check_proof(Proof, question(Goal, Vars, _, Assumed), Values, Options0) :-
    Options = [assumed(Assumed)|Options0],
    (   is_list(Proof), Proof \== [], ground(Proof), acyclic_term(Proof)
    ->  true
    ;   refuse(bad_proof, ['a proof is a ground list of steps'])
    ),
    empty_assoc(None),
    length(Proof, Length),
    foldl(checked_step(Length, Options), Proof, state(1, None, None), state(_, Known, _)),
    last(Proof, step(_, Last)),
    (   Last = query(Numbers),
        copy_term(Goal-Vars, Instance-Values),
        use_up(Instance, Numbers, [], Known)
    ->  true
    ;   refuse(bad_proof, ['the last step does not conclude the query with this answer'])
    ).

%   State: state(Next number, assoc Number-Conclusion, assoc Conclusion-true).

checked_step(Length, Options, Step, state(N, Known0, Seen0), state(N1, Known, Seen)) :-
    (   Step = step(N, S), N1 is N+1
    ->  true
    ;   refuse(bad_proof, ['step ', N, ' is not numbered ', N])
    ),
    (   N =:= Length
    ->  Known = Known0, Seen = Seen0                       % the query: checked by the caller
    ;   holds_by(S, Known0, Options, N, Conclusion),
        \+ get_assoc(Conclusion, Seen0, _)
    ->  put_assoc(N, Known0, Conclusion, Known),
        put_assoc(Conclusion, Seen0, true, Seen)
    ;   refuse(bad_proof, ['step ', N, ' does not hold'])
    ).

%   holds_by(+Step, +Known, +Options, +N, -Conclusion) is semidet.

holds_by(fact(F, evidence(Source, ObservedAt, ValidUntil)), _, Options, N, F) :-
    option(now(Now), Options),
    option(skew(Skew), Options, 0),
    catch(check_fact(F, state), error(logic(bad_fact, _), _), fail),
    value_of_type(Source, atom), integer(ObservedAt), integer(ValidUntil),
    still_there(F, Options),
    (   Now =< ValidUntil, ObservedAt =< Now+Skew
    ->  true
    ;   refuse(stale_evidence, ['step ', N, ' rests on a fact past its validity'])
    ).
holds_by(fact(F, inventory), _, Options, _, F) :-
    catch(check_fact(F, inventory), error(logic(bad_fact, _), _), fail),
    still_there(F, Options).
holds_by(assumed(F), _, Options, _, F) :-
    option(assumed(Assumed), Options),
    assumed_fact(F0, Assumed),
    F0 == F.
holds_by(fact(now(T), clock), _, Options, _, now(T)) :-
    option(now(T0), Options),
    T == T0.
holds_by(rule(clause(Name, Arity, K), Head, Numbers), Known, _, _, Head) :-
    core_clause(Name, Arity, K, Head0, Body0, _),
    copy_term(Head0-Body0, Head1-Body),
    no_any(Head),
    Head1 = Head,
    use_up(Body, Numbers, [], Known).
holds_by(eval(G), _, _, _, G) :-
    comparison(G),
    no_any(G),
    catch(holds(G), error(logic(_, _), _), fail).
holds_by(absent(G), _, _, _, \+ G) :-
    in_order_any(G).
holds_by(all(Op, V, G, Solutions, R, Numbers), Known, _, _, all(Op, V, G, R)) :-
    in_order_any(G-V),
    any_as_variables(G-V, Goal-Template),
    local_variables(Goal, Tuple),
    is_list(Solutions),
    sort(Solutions, Solutions),
    foldl(solution_holds(Goal, Tuple, Known), Solutions, Numbers, []),
    maplist(solution_value(Template, Tuple), Solutions, Values),
    recomputed(Op, Values, R).

still_there(F, Options) :-
    option(assumed(Assumed), Options),
    \+ assumed_away(F, Assumed).

solution_holds(Goal, Tuple, Known, Solution, Numbers0, Numbers) :-
    no_any(Solution),
    copy_term(Goal-Tuple, Instance-Solution),
    use_up(Instance, Numbers0, Numbers, Known).

solution_value(Template, Tuple, Solution, Value) :-
    copy_term(Template-Tuple, Value-Solution),
    ground(Value).

recomputed(count, Values, R) :- length(Values, R0), R == R0.
recomputed(sum(integer), Values, R) :- maplist(integer, Values), sum_of(Values, 0, R).
recomputed(sum(float), Values, R) :- maplist(float, Values), sum_of(Values, 0.0, R).
recomputed(min, Values, R) :- numbers_of_one_kind(Values), min_list(Values, R0), R == R0.
recomputed(max, Values, R) :- numbers_of_one_kind(Values), max_list(Values, R0), R == R0.
recomputed(set, Values, R) :- sort(Values, R0), R == R0.
recomputed(list, Values, R) :- R == Values.

sum_of(Values, Zero, R) :-
    foldl(add, Values, Zero, R0),
    R == R0.

add(X, Sum0, Sum) :- evaluate(Sum0+X, Sum).

numbers_of_one_kind(Values) :- maplist(integer, Values), !.
numbers_of_one_kind(Values) :- maplist(float, Values).

%   use_up(+Goal, +Numbers, ?Rest, +Known): Goal matches the conclusions of Numbers up to Rest, in order.

use_up(true, Ns, Ns, _) :- !.
use_up((A,B), Ns0, Ns, Known) :-
    !,
    use_up(A, Ns0, Ns1, Known),
    use_up(B, Ns1, Ns, Known).
use_up((A;B), Ns0, Ns, Known) :-
    !,
    (   use_up(A, Ns0, Ns, Known)
    ;   use_up(B, Ns0, Ns, Known)
    ).
use_up(\+ G, [N|Ns], Ns, Known) :-
    !,
    any_form(G, G1),
    get_assoc(N, Known, \+ G2),
    G1 == G2.
use_up(all(Op, V, G, R), [N|Ns], Ns, Known) :-
    !,
    any_form(G-V, G1-V1),
    get_assoc(N, Known, all(Op2, V2, G2, R2)),
    all(Op, V1, G1) == all(Op2, V2, G2),
    R = R2.
use_up(Goal, [N|Ns], Ns, Known) :-
    get_assoc(N, Known, Goal).

%   in_order_any(+Term): its '$any'(I) are numbered 0, 1, ... in order of first occurrence.

in_order_any(Term) :-
    any_as_variables(Term, Open),
    any_form(Open, Term0),
    Term0 == Term.

any_as_variables(Term, Open) :-
    any_as_variables(Term, Open, [], _).

any_as_variables('$any'(I), V, Map0, Map) :-
    !,
    (   memberchk(I-V0, Map0)
    ->  V = V0, Map = Map0
    ;   Map = [I-V|Map0]
    ).
any_as_variables(Term, Open, Map0, Map) :-
    compound(Term),
    !,
    Term =.. [F|Args0],
    foldl(any_as_variables, Args0, Args, Map0, Map),
    Open =.. [F|Args].
any_as_variables(Term, Term, Map, Map).

no_any(Term) :-
    \+ ( sub_term_any(Term) ).

sub_term_any('$any'(_)) :- !.
sub_term_any(Term) :-
    compound(Term),
    arg(_, Term, Arg),
    sub_term_any(Arg),
    !.
