:- use_module('../test/world').

/** <tests> Status, quorum, what a failure takes down, and what the logic node must not stand on. Every answer's proof is checked on the way. */

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

test(a_quorum_device_is_a_vote_and_no_member, As == [(quorum_margin(c,1),cluster_votes(c,3,3))]) :-
    world([node(a), node(b), node(q), cluster_member(c,a), cluster_member(c,b), quorum_device(c,q),
           node_up(a,true), node_up(b,true), node_up(q,true)], W),
    proved(W, 1500000, (quorum_margin(c,_), cluster_votes(c,_,_)), As).
test(a_device_that_is_a_member_too_has_one_vote, As == [cluster_votes(c,1,1)]) :-
    world([node(a), cluster_member(c,a), quorum_device(c,a), node_up(a,true)], W),
    proved(W, 1500000, cluster_votes(c,_,_), As).
test(a_tie_of_votes_is_no_quorum, As == []) :-
    world([node(a), node(b), node(d), node(e), cluster_member(c,a), cluster_member(c,b), cluster_member(c,d),
           cluster_member(c,e), node_up(a,true), node_up(b,true), node_up(d,false), node_up(e,false)], W),
    proved(W, 1500000, has_quorum(_), As).
test(unknown_votes_do_not_count_but_may_at_best, As == [(quorum_margin(c,-1),quorum_margin_at_best(c,1))]) :-
    world([node(a), node(b), node(d), cluster_member(c,a), cluster_member(c,b), cluster_member(c,d),
           node_up(a,true), stale(node_up(b,true))], W),
    proved(W, 1500000, (quorum_margin(c,_), quorum_margin_at_best(c,_)), As).
test(one_more_failure_loses_it, As == [one_failure_loses_quorum(c)]) :-
    world([node(a), node(b), node(d), cluster_member(c,a), cluster_member(c,b), cluster_member(c,d),
           node_up(a,true), node_up(b,true), node_up(d,false)], W),
    proved(W, 1500000, one_failure_loses_quorum(_), As).

test(a_failure_takes_machines_dependents_and_quorum,
     As == [lost_with(a,dependent,app), lost_with(a,quorum,c), lost_with(a,vm,db)]) :-
    world([node(a), node(b), vm(db), vm(app), vm(other), cluster_member(c,a), cluster_member(c,b),
           node_up(a,true), node_up(b,true), vm_host(db,a), vm_host(app,b), vm_host(other,b), depends_on(app,db)], W),
    proved(W, 1500000, lost_with(a,_,_), As).
test(a_node_that_is_down_already_takes_no_quorum_with_it, As == []) :-
    world([node(a), node(b), cluster_member(c,a), cluster_member(c,b), node_up(a,false), node_up(b,true)], W),
    proved(W, 1500000, lost_with(a,_,_), As).
test(a_cluster_with_margin_survives_one, As == []) :-
    world([node(a), node(b), node(d), cluster_member(c,a), cluster_member(c,b), cluster_member(c,d),
           node_up(a,true), node_up(b,true), node_up(d,true)], W),
    proved(W, 1500000, lost_with(_,_,_), As).

test(a_logic_node_outside_breaks_no_rule, As == []) :-
    world([node(l), node(a), logic_node(l), cluster_member(c,a), vm(v), vm_host(v,a), depends_on(v,l)], W),
    proved(W, 1500000, violation(_,_), As).
test(a_logic_node_that_is_a_member, As == [violation(member_of_cluster,c)]) :-
    world([node(l), logic_node(l), cluster_member(c,l)], W),
    proved(W, 1500000, violation(_,_), As).
test(a_logic_node_that_runs_on_the_cluster, As == [violation(runs_on_cluster,c)]) :-
    world([vm(l), node(a), logic_node(l), cluster_member(c,a), vm_host(l,a)], W),
    proved(W, 1500000, violation(_,_), As).
test(its_home_counts_while_telemetry_is_silent, As == [violation(runs_on_cluster,c)]) :-
    world([vm(l), node(a), logic_node(l), cluster_member(c,a), vm_home(l,a)], W),
    proved(W, 1500000, violation(_,_), As).
test(a_quorum_device_may_be_the_logic_node, As == []) :-
    world([node(l), logic_node(l), node(a), cluster_member(c,a), quorum_device(c,l)], W),
    proved(W, 1500000, violation(_,_), As).
test(what_it_needs_must_not_need_it, As == [violation(needs_its_dependents,a), violation(needs_its_dependents,dns)]) :-
    world([node(l), node(a), node(x), vm(dns), logic_node(l), depends_on(l,dns), depends_on(l,x), vm_home(dns,a), depends_on(a,l)], W),
    proved(W, 1500000, violation(_,_), As).
test(what_it_needs_must_not_be_started_after_what_needs_it, As == [violation(needs_its_dependents,dns)]) :-
    world([node(l), node(a), vm(dns), vm(app), logic_node(l), depends_on(l,dns), depends_on(app,l),
           start_order(dns,5), start_order(app,4), start_order(a,1)], W),
    proved(W, 1500000, violation(_,_), As).

:- end_tests(cluster).
