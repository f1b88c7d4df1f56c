:- use_module('../test/world').
:- use_module(library(lists)).

/** <tests> UPSs: what must stop, in which order, and whether that ends in time. Every answer's proof is checked on the way. */

:- begin_tests(power).

test(what_runs_on_a_ups, As == [runs_on_ups(u,nas), runs_on_ups(u,pve), runs_on_ups(u,web)]) :-
    rack([], W),
    proved(W, 1500000, runs_on_ups(u,_), As).
test(what_needs_a_node_on_the_ups_must_stop_too, As == [must_stop(u,far), must_stop(u,nas), must_stop(u,pve), must_stop(u,web)]) :-
    rack([vm(far), node(other), vm_home(far,other), depends_on(far,nas)], W),
    proved(W, 1500000, must_stop(u,_), As).
test(the_order_is_the_reverse_of_the_boot_order, As == [stop_order(u,nas,0), stop_order(u,pve,1), stop_order(u,web,2)]) :-
    rack([], W),
    proved(W, 1500000, stop_order(u,_,_), As).
test(nothing_stops_before_what_needs_it, Wrong == []) :-
    rack([vm(db), vm_home(db,pve), depends_on(web,db)], W),
    proved(W, 1500000, (needs(_,_), stop_order(u,_,_), stop_order(u,_,_)), As),
    findall(U-V, ( member((needs(U,V), stop_order(u,U,L), stop_order(u,V,M)), As), L =< M ), Wrong).
test(rounds_add_up_and_the_slowest_of_a_round_counts, As == [shutdown_time(u,310)]) :-
    rack([vm(slow), vm_home(slow,pve), shutdown_takes(slow,100), shutdown_takes(web,40), shutdown_takes(pve,110), shutdown_takes(nas,100)], W),
    proved(W, 1500000, shutdown_time(_,_), As).
test(times_that_are_not_declared_are_assumed, As == [shutdown_time(u,330)]) :-
    rack([], W),
    proved(W, 1500000, shutdown_time(_,_), As).
test(it_ends_in_time_to_the_second, As-Bs == [shutdown_in_time(u)]-[]) :-
    rack([ups_runtime(u,330)], W1),
    rack([ups_runtime(u,329)], W2),
    proved(W1, 1500000, shutdown_in_time(_), As),
    proved(W2, 1500000, shutdown_in_time(_), Bs).
test(the_latest_start_of_each_unit, As == [latest_stop(u,nas,1710000), latest_stop(u,pve,1590000), latest_stop(u,web,1500000)]) :-
    rack([ups_runtime(u,330)], W),
    proved(W, 1500000, latest_stop(u,_,_), As).
test(a_ups_that_feeds_nothing_has_nothing_to_stop, As == [shutdown_slack(u,5)]) :-
    world([ups(u), ups_runtime(u,5)], W),
    proved(W, 1500000, shutdown_slack(_,_), As).

test(not_due_while_there_is_time, As == []) :-
    rack([ups_on_battery(u,true), ups_runtime(u,390)], W),
    proved(W, 1500000, shutdown_due(_), As).
test(due_when_less_than_a_minute_is_left, As == [shutdown_due(u)]) :-
    rack([ups_on_battery(u,true), ups_runtime(u,389)], W),
    proved(W, 1500000, shutdown_due(_), As).
test(due_on_battery_when_the_runtime_is_unknown, As == [shutdown_due(u)]) :-
    rack([ups_on_battery(u,true), stale(ups_runtime(u,9999))], W),
    proved(W, 1500000, shutdown_due(_), As).
test(due_on_battery_when_a_cycle_leaves_no_order, As-Bs == [shutdown_due(u)]-[stop_unordered(u,nas), stop_unordered(u,pve), stop_unordered(u,web)]) :-
    rack([depends_on(nas,web), ups_on_battery(u,true), ups_runtime(u,9999)], W),
    proved(W, 1500000, shutdown_due(_), As),
    proved(W, 1500000, stop_unordered(u,_), Bs).
test(what_is_plugged_in_and_is_no_unit_is_named_and_nothing_is_promised, As-Bs == [stop_unordered(u,ghost)]-[]) :-
    rack([ups_feeds(u,ghost), ups_runtime(u,9999)], W),
    proved(W, 1500000, stop_unordered(_,_), As),
    proved(W, 1500000, shutdown_in_time(_), Bs).
test(never_due_on_mains_or_when_unknown, As == []) :-
    rack([ups_on_battery(u,false), ups_runtime(u,1)], W1),
    rack([stale(ups_on_battery(u,true)), ups_runtime(u,1)], W2),
    proved(W1, 1500000, shutdown_due(_), As),
    proved(W2, 1500000, shutdown_due(_), As).

test(a_second_supply_on_mains_keeps_a_node_up, As == [on_battery(nas,u)]) :-
    rack([ups(v), ups_feeds(v,pve), ups_on_battery(u,true), ups_on_battery(v,false)], W),
    proved(W, 1500000, on_battery(_,_), As).
test(a_second_supply_of_unknown_state_is_not_counted_on, As == [on_battery(nas,u), on_battery(pve,u)]) :-
    rack([ups(v), ups_feeds(v,pve), ups_on_battery(u,true), stale(ups_on_battery(v,false))], W),
    proved(W, 1500000, on_battery(_,_), As).
test(two_supplies_on_battery_are_both_named, As == [on_battery(nas,u), on_battery(pve,u), on_battery(pve,v)]) :-
    rack([ups(v), ups_feeds(v,pve), ups_on_battery(u,true), ups_on_battery(v,true)], W),
    proved(W, 1500000, on_battery(_,_), As).

%   A hypervisor and its storage on one UPS; the hypervisor's machine.
rack(More, W) :-
    append([ups(u), ups_feeds(u,pve), ups_feeds(u,nas), node(pve), node(nas), vm(web), vm_home(web,pve), depends_on(pve,nas)], More, Facts),
    world(Facts, W).

:- end_tests(power).
