:- module(golden, []).

/** <module> Write the golden corpus: npm run golden

One file a case under golden/: a question, an answer, the proof the prover gave in a small fixed world, and mutated forms of it with
the code that a checker must refuse each with. Read by plunit (proof/proof.plt) and by the TypeScript checker
(shared/src/proof.golden.test.ts). A mutation replaces fields of the case: `proof`, `values`, `query` or `now`.

    $ swipl -q kb/test/golden.pl
*/

:- use_module(world).
:- use_module(corpus).
:- use_module(library(http/json)).
:- use_module(library(lists)).
:- use_module(library(apply)).

:- initialization(main, main).

main :-
    golden_world(Facts),
    world(Facts, Site),
    forall(case(Name, Text), write_case(Name, Text, Site)).

case(at_risk, "at_risk_of_throttling(N)").
case(status_up, "node_status(pve1, S)").
case(status_unknown, "node_status(nas, S)").
case(load_above, "node_load(N, L), L > 0.5").
case(either, "node_temp(N, X), X > 80 ; node_load(N, X), X < 0.2").
case(memory_free, "memory_free(pve1, F)").
case(quorum, "quorum_margin(home, M)").
case(can_host, "can_host(pve2, V)").
case(unseen, "aggregate_all(set(N), (node(N), \\+ node_up(N, _)), L)").
case(average, "aggregate_all(sum(L), node_load(_, L), S), aggregate_all(count, node_load(_, _), C), A is S / float(C)").

case(boot_level, "boot_level(web, L)").
case(reaches_by, "reaches_by(pve1, nas, S, R)").
case(cannot_host, "cannot_host(nas, web, R)").
case(alert_change, "alert_change(A, S, V, C)").

case(what_if_down, "assuming([node_up(pve1,false)], node_status(pve1, S))").
case(what_if_without, "assuming([\\+ vm_host(web,pve1), node_temp(pve1,50)], (memory_free(pve1, F), thermal_headroom(pve1, H)))").
case(every_node, "forall(cluster_member(home, N), node(N))").
case(hottest, "top(1, T, node_temp(N, T))").
case(loads, "aggregate_all(list(L), node_load(_, L), Ls)").

write_case(Name, Text, Site) :-
    golden_answer(Text, Site, Question, Names, Values, Proof),
    findall(M, mutation(Proof, Values, M), Mutations0),
    include(really_different(Proof), Mutations0, Mutations),
    maplist(text, Values, ValueTexts),
    text(Proof, ProofText),
    module_property(world, file(World)),
    file_directory_name(World, Dir),
    atomic_list_concat([Dir, '/golden/', Name, '.json'], File),
    proof_check:check_proof(Proof, Question, Values, [now(1500000)]),
    prove:assumed(Question, Assumptions),
    standing(Assumptions, Proof, Standing),
    setup_call_cleanup(
        open(File, write, Out, [encoding(utf8), newline(posix)]),
        ( json_write_dict(Out, _{name:Name, query:Text, variables:Names, now:1500000, values:ValueTexts, standing:Standing,
                                 proof:ProofText, mutations:Mutations}, [width(0)]),
          nl(Out) ),
        close(Out)).

standing([_|_], _, hypothetical) :- !.
standing(_, Proof, attested) :- ( member(step(_, absent(_)), Proof) ; member(step(_, all(_, _, _, _, _, _)), Proof) ), !.
standing(_, _, verified).

really_different(Proof, M) :-
    (   get_dict(proof, M, Text)
    ->  text(Proof, Original),
        Text \== Original
    ;   true
    ).

%   mutation(+Proof, +Values, -Mutation) is nondet. A checker that accepts any of these is wrong.

mutation(Proof, _, _{name:Name, code:bad_proof, proof:Text}) :-
    mutated(Proof, Name, Mutated),
    text(Mutated, Text).
mutation(Proof, Values, _{name:another_answer, code:bad_proof, values:Texts}) :-
    Proof = [_|_],
    Values \== [],
    maplist(another_value, Values, Others),
    maplist(text, Others, Texts).
mutation(Proof, _, _{name:stale, code:stale_evidence, now:2000001}) :-
    memberchk(step(_, fact(_, evidence(_, _, _))), Proof).
mutation(Proof, _, _{name:not_yet_observed, code:stale_evidence, now:900000}) :-
    memberchk(step(_, fact(_, evidence(_, _, _))), Proof).
mutation(_, _, _{name:another_question, code:bad_proof, query:"node_temp(pve2, 61.0)", values:[]}).

another_value(V, W) :- atom(V), !, atom_concat(V, x, W).
another_value(V, W) :- number(V), !, W is V+1.
another_value(_, [other]).

mutated(Proof, dropped_first_step, Rest) :- Proof = [_,_|_], Proof = [_|Rest].
mutated(Proof, no_query_step, Rest) :- append(Rest, [_], Proof).
mutated(Proof, query_twice, Twice) :- last(Proof, step(N, Q)), M is N+1, append(Proof, [step(M, Q)], Twice).
mutated(Proof, query_uses_nothing, Other) :- append(Front, [step(N, query(_))], Proof), append(Front, [step(N, query([]))], Other).
mutated(Proof, query_uses_itself, Other) :- append(Front, [step(N, query(_))], Proof), append(Front, [step(N, query([N]))], Other).
mutated(Proof, query_uses_more, Other) :-
    append(Front, [step(N, query(Ps))], Proof), append(Ps, [1], Qs), append(Front, [step(N, query(Qs))], Other).
mutated(Proof, changed_fact_value, Other) :- change(Proof, fact(F, E), fact(G, E), change_last(F, G), Other).
mutated(Proof, fact_of_no_kind, Other) :- change(Proof, fact(_, E), fact(shell(ls), E), true, Other).
mutated(Proof, derived_as_fact, Other) :- change(Proof, rule(_, H, _), fact(H, inventory), true, Other).
mutated(Proof, state_as_inventory, Other) :- change(Proof, fact(F, evidence(_, _, _)), fact(F, inventory), true, Other).
mutated(Proof, another_clause, Other) :- change(Proof, rule(clause(N,A,K), H, P), rule(clause(N,A,J), H, P), J is K+1, Other).
mutated(Proof, clause_zero, Other) :- change(Proof, rule(clause(N,A,_), H, P), rule(clause(N,A,0), H, P), true, Other).
mutated(Proof, dropped_premise, Other) :- change(Proof, rule(C, H, [_|P]), rule(C, H, P), true, Other).
mutated(Proof, extra_premise, Other) :- change(Proof, rule(C, H, P), rule(C, H, [1|P]), true, Other).
mutated(Proof, changed_head, Other) :- change(Proof, rule(C, H, P), rule(C, G, P), change_last(H, G), Other).
mutated(Proof, forward_premise, Other) :- length(Proof, L), change(Proof, rule(C, H, [_|P]), rule(C, H, [L|P]), true, Other).
mutated(Proof, wrong_arithmetic, Other) :- change(Proof, eval(V is E), eval(W is E), W is V+1, Other).
mutated(Proof, false_comparison, Other) :- change(Proof, eval(A > B), eval(B > A), true, Other).
mutated(Proof, code_in_eval, Other) :- change(Proof, eval(_), eval(shell(ls)), true, Other).
mutated(Proof, another_absence, Other) :- change(Proof, absent(G), absent(H), change_first(G, H), Other).
mutated(Proof, forged_assumption, Other) :- change(Proof, fact(F, _), assumed(F), true, Other).
mutated(Proof, assumption_as_state, Other) :- change(Proof, assumed(F), fact(F, evidence(test,1000000,2000000)), true, Other).
mutated(Proof, assumption_as_inventory, Other) :- change(Proof, assumed(F), fact(F, inventory), true, Other).
mutated(Proof, another_assumption, Other) :- change(Proof, assumed(F), assumed(G), change_last(F, G), Other).
mutated(Proof, any_misnumbered, Other) :- change(Proof, absent(G), absent(H), misnumbered(G, H), Other).
mutated(Proof, changed_aggregate, Other) :-
    change(Proof, all(O,V,G,S,R,P), all(O,V,G,S,R2,P), another_value(R, R2), Other).
mutated(Proof, dropped_solution, Other) :- change(Proof, all(O,V,G,[_|S],R,P), all(O,V,G,S,R,P), true, Other).
mutated(Proof, doubled_solution, Other) :- change(Proof, all(O,V,G,[S1|S],R,P), all(O,V,G,[S1,S1|S],R,P), true, Other).
mutated(Proof, another_aggregate, Other) :- change(Proof, all(count,V,G,S,R,P), all(set,V,G,S,R,P), true, Other).
mutated(Proof, any_as_a_value, Other) :- change(Proof, fact(F, E), fact(G, E), ( F =.. [N,_|As], G =.. [N,'$any'(0)|As] ), Other).
mutated(Proof, misnumbered_step, Other) :- append(Front, [step(N, S)|Back], Proof), Back \== [], !, M is N+1, append(Front, [step(M, S)|Back], Other).
mutated(Proof, repeated_conclusion, Other) :- Proof = [step(1, S)|_], append(Front, [step(N, query(P))], Proof), M is N+1, append(Front, [step(N, S), step(M, query(P))], Other).

%   change(+Proof, +Old, +New, :Condition, -Other): the first step of the form Old becomes New.
change(Proof, Old, New, Condition, Other) :-
    copy_term(Old-New-Condition, Old1-New1-Condition1),
    append(Front, [step(N, Old1)|Back], Proof),
    call(Condition1),
    !,
    append(Front, [step(N, New1)|Back], Other).

change_last(F, G) :- F =.. L0, append(Front, [V], L0), Front = [_|_], another_value(V, W), append(Front, [W], L), G =.. L.
change_first(F, G) :- F =.. [N,V|As], another_value(V, W), G =.. [N,W|As].
misnumbered(G, H) :- term_string(G, S0), sub_string(S0, _, _, _, "$any"), !, term_to_atom(G, A), atomic_list_concat(Parts, '(0)', A), Parts = [_,_|_], atomic_list_concat(Parts, '(7)', B), term_to_atom(H, B).
