:- use_module('../test/world').

/** <tests> What runs where, what may, and why not. Every answer's proof is checked on the way. */

:- begin_tests(scheduler).

test(free_memory_of_an_empty_node_is_all_of_it, As == [memory_free(a,1000)]) :-
    world([node_memory(a,1000)], W),
    proved(W, 1500000, memory_free(_,_), As).
test(two_machines_of_equal_size_both_count, As == [memory_free(a,200)]) :-
    world([node_memory(a,1000), vm_memory(v,400), vm_memory(w,400), vm_host(v,a), vm_host(w,a)], W),
    proved(W, 1500000, memory_free(_,_), As).
test(overcommitted, As == [overcommitted(a)]) :-
    world([node_memory(a,1000), vm_memory(v,1400), vm_host(v,a)], W),
    proved(W, 1500000, overcommitted(_), As).
test(can_host_needs_a_node_that_is_up_with_room_elsewhere, As == [can_host(b,v)]) :-
    world([node(a), node(b), node(c), node(d), node_up(a,true), node_up(b,true), node_up(d,true), node_memory(a,1000), node_memory(b,1000),
           node_memory(c,1000), node_memory(d,100), vm_memory(v,400), vm_host(v,a)], W),
    proved(W, 1500000, can_host(_,v), As).
test(a_machine_on_a_silent_node_is_at_risk, As == [vm_at_risk(v,a)]) :-
    world([node(a), vm_host(v,a)], W),
    proved(W, 1500000, vm_at_risk(_,_), As).

test(a_machine_that_is_larger_than_what_is_left_does_not_fit_and_an_exact_one_does, As == [can_host(b,v)]) :-
    world([node(b), node_up(b,true), node_memory(b,1000), vm_memory(u,600), vm_host(u,b), vm_memory(v,400), vm_memory(w,401)], W),
    proved(W, 1500000, can_host(b,_), As).
test(cores_and_disk_limit_where_they_are_declared, As == [can_host(a,v), can_host(b,small)]) :-
    world([node(a), node(b), node_up(a,true), node_up(b,true), node_memory(a,9), node_memory(b,9), node_cores(b,1), node_disk(b,100),
           node_disk(a,20), vm(v), vm(big), vm(small), vm_memory(v,1), vm_memory(big,1), vm_memory(small,1), vm_cores(v,5),
           vm_cores(small,4), vm_disk(big,101), vm_disk(small,100)], W),
    proved(W, 1500000, can_host(_,_), As).
test(maintenance_keeps_new_machines_away, As == [cannot_host(a,v,maintenance)]) :-
    world([node(a), node_up(a,true), node_memory(a,9), node_maintenance(a,true), vm(v), vm_memory(v,1)], W),
    proved(W, 1500000, cannot_host(_,_,_), As).
test(apart_and_together_hold_both_ways, As == [can_host(a,mate), can_host(b,rival)]) :-
    world([node(a), node(b), node_up(a,true), node_up(b,true), node_memory(a,9), node_memory(b,9), vm_memory(v,1), vm_memory(rival,1),
           vm_memory(mate,1), vm_host(v,a), keep_apart(rival,v), keep_together(v,mate), pinned(v,a)], W),
    proved(W, 1500000, can_host(_,_), As).
test(a_rival_whose_place_is_unknown_forbids_nothing, As == [can_host(a,v)]) :-
    world([node(a), node_up(a,true), node_memory(a,9), vm_memory(v,1), stale(vm_host(rival,a)), keep_apart(v,rival)], W),
    proved(W, 1500000, can_host(_,v), As).
test(a_machine_is_not_apart_from_itself, As == [can_host(b,v)]) :-
    world([node(a), node(b), node_up(a,true), node_up(b,true), node_memory(a,9), node_memory(b,9), vm_memory(v,1), vm_host(v,a), keep_apart(v,v)], W),
    proved(W, 1500000, can_host(_,_), As).
test(every_reason_is_given, As == [cannot_host(a,v,kept_apart), cannot_host(a,v,kept_together), cannot_host(a,v,no_cores),
                                   cannot_host(a,v,no_disk), cannot_host(a,v,no_memory), cannot_host(a,v,node_unknown),
                                   cannot_host(a,v,pinned_elsewhere)]) :-
    world([node(a), node(b), node_memory(a,1), node_cores(a,1), node_disk(a,1), vm(v), vm_memory(v,2), vm_cores(v,5), vm_disk(v,2),
           vm_host(rival,a), keep_apart(v,rival), vm_host(mate,b), keep_together(v,mate), pinned(v,b)], W),
    proved(W, 1500000, cannot_host(a,v,_), As).
test(a_machine_of_unknown_size_has_a_reason, As == [cannot_host(a,v,unknown_size)]) :-
    world([node(a), node_up(a,true), node_memory(a,9), vm(v)], W),
    proved(W, 1500000, cannot_host(_,_,_), As).
test(each_pair_has_a_reason_or_can_be, Wrong == []) :-
    findall(S-N-V, ( between(1, 40, S), some_world(S, W), member(N, [a,b,c]), member(V, [v,w,x]),
                     proved(W, 1500000, can_host(N,V), Can), proved(W, 1500000, cannot_host(N,V,_), Reasons),
                     ( Can == [] -> Reasons == [] ; Reasons \== [] ) ), Wrong).

test(an_overloaded_node_and_why, As == [overloaded(a,cores), overloaded(b,load)]) :-
    world([node_memory(a,9), node_cores(a,1), vm_memory(v,9), vm_cores(v,5), vm_host(v,a), node_load(b,1.1), node_load(c,1.0)], W),
    proved(W, 1500000, overloaded(_,_), As).
test(evacuation_names_targets_and_who_is_stranded, As-Bs == [evacuation_target(a,v,b)]-[stranded(a,w)]) :-
    world([node(a), node(b), node_up(a,true), node_up(b,true), node_memory(a,9), node_memory(b,9), vm(v), vm(w), vm_memory(v,4), vm_memory(w,10),
           vm_host(v,a), vm_host(w,a)], W),
    proved(W, 1500000, evacuation_target(a,_,_), As),
    proved(W, 1500000, stranded(a,_), Bs).
test(an_empty_node_has_nothing_to_evacuate, As == []) :-
    world([node(a), node_up(a,true), node_memory(a,9)], W),
    proved(W, 1500000, evacuation_target(a,_,_), As).
test(a_placement_is_well_or_says_what_is_wrong, As-Bs == [well_placed(v,a)]-[placement_violation(w,b,kept_apart), placement_violation(x,b,kept_apart),
                                                           placement_violation(x,b,no_memory), placement_violation(w,b,no_memory)]) :-
    world([node(a), node(b), node_up(a,true), node_up(b,true), node_memory(a,9), node_memory(b,9), vm_memory(v,9), vm_memory(w,5), vm_memory(x,5),
           vm_host(v,a), vm_host(w,b), vm_host(x,b), keep_apart(w,x)], W),
    proved(W, 1500000, well_placed(_,_), As),
    proved(W, 1500000, placement_violation(w,_,_), B1),
    proved(W, 1500000, placement_violation(x,_,_), [B2,B3]),
    B1 = [B11,B12],
    Bs = [B11,B2,B3,B12].

%   Small worlds of every kind, the same for the same seed: a linear congruence in the place of chance.
some_world(Seed, W) :-
    findall(Fact, ( nth1(I, [node_up(a,true), node_up(b,true), node_up(c,false), node_memory(a,8), node_memory(b,4), node_memory(c,8),
                             node_cores(a,1), node_disk(b,10), node_maintenance(b,true), vm_memory(v,3), vm_memory(w,5), vm_memory(x,2),
                             vm_cores(v,3), vm_cores(w,2), vm_disk(v,9), vm_disk(x,4), vm_host(v,a), vm_host(w,b), vm_host(x,a),
                             keep_apart(v,w), keep_apart(x,v), keep_together(w,x), pinned(v,b), pinned(w,a)], Fact),
                    (Seed*7919+I*104729) mod 97 mod 3 > 0 ), Facts),
    world([node(a), node(b), node(c), vm(v), vm(w), vm(x)|Facts], W).

:- end_tests(scheduler).
