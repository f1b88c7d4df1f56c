:- use_module('../test/world').
:- use_module(placement, [place_at/4, evacuate_at/4, certificate/4]).
:- use_module(library(lists)).
:- use_module(library(apply)).

/** <tests> Placements that are found, certified, and refused with what stands against them. */

:- begin_tests(placement).

place(Facts, Vms, Placement) :-
    world(Facts, W),
    place_at(at(W, 1500000), Vms, Placement, []).

refused(Facts, Vms, Options, Code) :-
    world(Facts, W),
    catch(( place_at(at(W, 1500000), Vms, _, Options), fail ), error(logic(Code, _), _), true).

nodes([node(a), node(b), node_up(a,true), node_up(b,true), node_memory(a,10), node_memory(b,10)]).

with(Facts, All) :- nodes(Nodes), append(Nodes, Facts, All).

test(nothing_to_place, P == []) :- nodes(Fs), place(Fs, [], P).
test(what_only_fits_one_way, P == [big-a, small-b]) :-
    with([vm_memory(big,8), vm_memory(small,5), vm_memory(there,4), vm_host(there,b)], Fs), place(Fs, [small,big], P).
test(a_machine_does_not_stand_in_its_own_way, P == [v-a]) :-
    with([vm_memory(v,9), vm_host(v,a), vm_memory(w,5), vm_host(w,b)], Fs), place(Fs, [v], P).
test(apart_from_one_that_stays_and_one_that_moves, P == [v-b, w-a]) :-
    with([vm_memory(v,1), vm_memory(w,1), vm_memory(x,1), vm_host(x,a), keep_apart(x,v), keep_apart(v,w)], Fs), place(Fs, [v,w], P).
test(together_with_one_that_stays_and_one_that_moves, P == [v-b, w-b]) :-
    with([vm_memory(v,1), vm_memory(w,1), vm_memory(x,1), vm_host(x,b), keep_together(x,v), keep_together(w,v)], Fs), place(Fs, [v,w], P).
test(machines_that_belong_together_need_room_together, P == [u-a, v-b, w-b]) :-
    with([vm_memory(u,6), vm_memory(v,5), vm_memory(w,5), keep_together(v,w), pinned(u,a)], Fs), place(Fs, [u,v,w], P).
test(a_pin_and_maintenance, P == [v-b]) :-
    with([node(c), node_up(c,true), node_memory(c,10), node_maintenance(c,true), vm_memory(v,1), pinned(v,b), pinned(v,c)], Fs), place(Fs, [v], P).
test(cores_and_disk_count_where_declared, P == [v-a, w-b]) :-
    with([node_cores(a,1), node_disk(b,5), vm_memory(v,1), vm_memory(w,1), vm_cores(w,5), vm_disk(v,6)], Fs), place(Fs, [v,w], P).

test(evacuation_moves_all_and_certifies, P-Rest == [v-b]-[]) :-
    with([vm_memory(v,4), vm_host(v,a), vm_memory(w,4), vm_host(w,b)], Fs),
    world(Fs, W),
    evacuate_at(at(W, 1500000), a, P, []),
    findall(M, ( evacuate_at(at(W, 1500000), c, Ms, []), member(M, Ms) ), Rest).
test(evacuation_leaves_no_trace, As == [vm_host(v,a)]) :-
    with([vm_memory(v,4), vm_host(v,a)], Fs),
    world(Fs, W),
    evacuate_at(at(W, 1500000), a, [v-b], []),
    proved(W, 1500000, vm_host(_,_), As).
test(the_certificate_is_a_proof_that_the_checker_takes, N == 2) :-
    with([vm_memory(v,6), vm_memory(w,6)], Fs),
    world(Fs, W),
    place_at(at(W, 1500000), [v,w], P, []),
    certificate(at(W, 1500000), P, Goal, Proof),
    findall(vm_host(Vm,Node), member(Vm-Node, P), Facts),
    findall(with(Fact), member(Fact, Facts), Assumed),
    proof_check:check_proof(Proof, question(Goal, [], _, Assumed), [], [now(1500000)]),
    aggregate_all(count, member(step(_, assumed(_)), Proof), N).
test(a_wrong_placement_has_no_certificate, Code == no_placement) :-
    with([vm_memory(v,6), vm_memory(w,6)], Fs),
    world(Fs, W),
    catch(( certificate(at(W, 1500000), [v-a,w-a], _, _), fail ), error(logic(Code, _), _), true).

test(too_much_of_a_resource, Code == no_placement) :- with([vm_memory(v,10), vm_memory(w,10), vm_memory(x,1)], Fs), refused(Fs, [v,w,x], [], Code).
test(no_node_is_up, Code == no_placement) :- refused([node(a), node_memory(a,9), vm_memory(v,1)], [v], [], Code).
test(larger_than_any_node, Code == no_placement) :- with([vm_memory(v,11)], Fs), refused(Fs, [v], [], Code).
test(an_unknown_size, Code == no_placement) :- nodes(Fs), refused(Fs, [v], [], Code).
test(apart_and_together, Code == no_placement) :-
    with([vm_memory(v,1), vm_memory(w,1), keep_apart(v,w), keep_together(v,w)], Fs), refused(Fs, [v,w], [], Code).
test(more_to_be_apart_than_there_are_nodes, Code == no_placement) :-
    with([vm_memory(u,1), vm_memory(v,1), vm_memory(w,1), keep_apart(u,v), keep_apart(v,w), keep_apart(u,w)], Fs), refused(Fs, [u,v,w], [], Code).
test(pieces_that_do_not_fill_the_nodes, Code == no_placement) :-
    with([vm_memory(u,6), vm_memory(v,6), vm_memory(w,6)], Fs), refused(Fs, [u,v,w], [], Code).
test(a_search_that_ends_at_its_limit_says_so, Code == inference_limit) :-
    pigeons(9, 8, Fs, Vms), refused(Fs, Vms, [inferences(200_000)], Code).

%   N machines that must all be apart, on one node less: no sum shows that it cannot be.
pigeons(N, M, Facts, Vms) :-
    findall(F, ( between(1, M, I), atom_concat(n, I, Node), member(F, [node(Node), node_up(Node,true), node_memory(Node,99)]) ), Nodes),
    findall(Vm, ( between(1, N, I), atom_concat(v, I, Vm) ), Vms),
    findall(vm_memory(Vm,1), member(Vm, Vms), Sizes),
    findall(keep_apart(Vm,Other), ( member(Vm, Vms), member(Other, Vms), Vm @< Other ), Apart),
    append([Nodes, Sizes, Apart], Facts).

:- end_tests(placement).
