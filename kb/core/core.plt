:- use_module('../test/world').

/** <tests> What the core rules say, in small worlds. Every answer's proof is checked on the way. */

:- begin_tests(cluster).

test(up_and_down_by_fresh_evidence, As == [node_status(a,up), node_status(b,down)]) :-
    world([node(a), node(b), node_up(a,true), node_up(b,false)], W),
    proved(W, 1500000, node_status(_,_), As).
test(evidence_past_its_validity_makes_a_node_unknown, As == [node_status(a,unknown)]) :-
    world([node(a), stale(node_up(a,true))], W),
    proved(W, 1500000, node_status(_,_), As).
test(the_same_fact_counts_until_its_last_millisecond, [As1, As2] == [[node_status(a,up)], [node_status(a,unknown)]]) :-
    world([node(a), node_up(a,true)], W),
    proved(W, 2000000, node_status(_,_), As1),
    proved(W, 2000001, node_status(_,_), As2).
test(a_node_without_evidence_is_unknown_and_never_up, As == [node_status(a,unknown)]) :-
    world([node(a)], W),
    proved(W, 1500000, node_status(_,_), As).
test(what_is_seen_but_not_in_the_inventory_has_no_status, As == []) :-
    world([node_up(ghost,true)], W),
    proved(W, 1500000, node_status(_,_), As).
test(quorum_margin_of_three_with_two_up, As == [quorum_margin(c,0)]) :-
    world([node(a), node(b), node(d), cluster_member(c,a), cluster_member(c,b), cluster_member(c,d),
           node_up(a,true), node_up(b,true), node_up(d,false)], W),
    proved(W, 1500000, quorum_margin(_,_), As).
test(a_cluster_of_two_tolerates_no_failure, As == [quorum_margin(c,0)]) :-
    world([node(a), node(b), cluster_member(c,a), cluster_member(c,b), node_up(a,true), node_up(b,true)], W),
    proved(W, 1500000, quorum_margin(_,_), As).
test(a_lost_quorum_has_a_negative_margin, As == [quorum_margin(c,-2)]) :-
    world([node(a), node(b), cluster_member(c,a), cluster_member(c,b)], W),
    proved(W, 1500000, quorum_margin(_,_), As).
test(without_members_there_is_no_cluster, As == []) :-
    world([node(a)], W),
    proved(W, 1500000, quorum_at_risk(_), As).

:- end_tests(cluster).

:- begin_tests(thermal).

test(at_risk_below_ten_degrees_of_headroom, As == [at_risk_of_throttling(hot)]) :-
    world([node(hot), node_class(hot,rpi5), node_up(hot,true), node_temp(hot,72.5),
           node(edge), node_class(edge,rpi5), node_up(edge,true), node_temp(edge,72.0)], W),
    proved(W, 1500000, at_risk_of_throttling(_), As).
test(a_node_that_is_down_is_not_at_risk, As == []) :-
    world([node(a), node_class(a,nuc), node_up(a,false), node_temp(a,99.0)], W),
    proved(W, 1500000, at_risk_of_throttling(_), As).
test(throttling_at_the_limit_itself, As == [throttling(a)]) :-
    world([node(a), node_class(a,server), node_up(a,true), node_temp(a,85.0)], W),
    proved(W, 1500000, throttling(_), As).
test(an_unknown_temperature_gives_no_headroom, As == []) :-
    world([node(a), node_class(a,server), node_up(a,true), stale(node_temp(a,85.0))], W),
    proved(W, 1500000, thermal_headroom(_,_), As).

:- end_tests(thermal).

:- begin_tests(network).

test(a_node_in_the_wrong_vlan_is_named, As == [in_wrong_vlan(b,20,30)]) :-
    world([node_zone(a,servers), node_vlan(a,20), node_zone(b,storage), node_vlan(b,20),
           zone_vlan(servers,20), zone_vlan(storage,30)], W),
    proved(W, 1500000, in_wrong_vlan(_,_,_), As).
test(nothing_is_allowed_unless_a_policy_says_so, As == [may_reach(a,c,nfs)]) :-
    world([node_zone(a,servers), node_zone(c,storage), allow(servers,storage,nfs)], W),
    proved(W, 1500000, may_reach(_,_,_), As).
test(a_node_does_not_reach_itself, As == [may_reach(a,b,any), may_reach(b,a,any)]) :-
    world([node_zone(a,servers), node_zone(b,servers)], W),
    proved(W, 1500000, may_reach(_,_,_), As).

:- end_tests(network).

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

:- end_tests(scheduler).
