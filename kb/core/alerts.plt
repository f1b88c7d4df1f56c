:- use_module('../test/world').
:- use_module(library(lists)).
:- use_module(library(apply)).

/** <tests> Alerts: raised, kept, cleared, lost, regained; never flapping. Every answer's proof is checked on the way. */

:- begin_tests(alerts).

changes(Facts, Changes) :-
    world(Facts, W),
    proved(W, 1500000, alert_change(_,_,_,_), As),
    findall(A-S-V-C, member(alert_change(A,S,V,C), As), Changes).

hot(Temp, Facts) :- Facts = [node(a), node_class(a,server), node_up(a,true), node_temp(a,Temp)].   % throttles at 85

test(nothing_to_tell_of_an_empty_site, Cs == []) :- changes([], Cs).
test(raised_at_the_limit, Cs == [high_temperature-a-warning-raise, throttling-a-critical-raise]) :-
    hot(85.0, Fs), changes(Fs, Cs).
test(kept_once_raised, Cs == []) :-
    hot(85.0, Fs), changes([active_alert(throttling,a,critical), active_alert(high_temperature,a,warning)|Fs], Cs).
test(kept_in_the_band_below_the_limit, Cs == []) :-
    hot(80.1, Fs), changes([active_alert(throttling,a,critical), active_alert(high_temperature,a,warning)|Fs], Cs).
test(not_raised_in_the_band_either, Cs == []) :-
    hot(73.0, Fs), changes(Fs, Cs).
test(cleared_past_the_band, Cs == [throttling-a-critical-clear]) :-
    hot(80.0, Fs), changes([active_alert(throttling,a,critical), active_alert(high_temperature,a,warning)|Fs], Cs).
test(missing_evidence_never_clears, Cs == [throttling-a-critical-lose]) :-
    changes([node(a), node_class(a,server), node_up(a,true), stale(node_temp(a,40.0)), active_alert(throttling,a,critical)], Cs).
test(lost_once, Cs == []) :-
    changes([node(a), node_class(a,server), node_up(a,true), active_alert(throttling,a,critical), alert_unknown(throttling,a)], Cs).
test(regained_when_it_holds_still, Cs == [throttling-a-critical-regain]) :-
    hot(85.0, Fs), changes([active_alert(throttling,a,critical), alert_unknown(throttling,a), active_alert(high_temperature,a,warning)|Fs], Cs).
test(regained_in_the_band, Cs == [throttling-a-critical-regain]) :-
    hot(82.0, Fs), changes([active_alert(throttling,a,critical), alert_unknown(throttling,a), active_alert(high_temperature,a,warning)|Fs], Cs).
test(evidence_that_comes_back_cool_clears, Cs == [throttling-a-critical-clear]) :-
    hot(40.0, Fs), changes([active_alert(throttling,a,critical), alert_unknown(throttling,a)|Fs], Cs).
test(what_was_unknown_and_is_not_active_is_left_alone, Cs == []) :-
    hot(40.0, Fs), changes([alert_unknown(throttling,a)|Fs], Cs).

test(a_node_goes_down, Cs == [node_down-a-critical-raise]) :- changes([node(a), node_up(a,false)], Cs).
test(a_silent_node_is_not_down, Cs == []) :- changes([node(a), stale(node_up(a,false))], Cs).
test(a_node_comes_back, Cs == [node_down-a-critical-clear]) :- changes([node(a), node_up(a,true), active_alert(node_down,a,critical)], Cs).
test(a_node_that_is_down_does_not_throttle, Cs == [node_down-a-critical-raise, throttling-a-critical-clear]) :-
    changes([node(a), node_class(a,server), node_up(a,false), active_alert(throttling,a,critical)], Cs).
test(what_left_the_inventory_is_over, Cs == [node_down-gone-critical-clear]) :- changes([active_alert(node_down,gone,critical)], Cs).
test(an_alert_that_no_rule_knows_is_over, Cs == [high_fever-a-warning-clear]) :- changes([node(a), active_alert(high_fever,a,warning)], Cs).

cluster([node(a), node(b), node(c), cluster_member(k,a), cluster_member(k,b), cluster_member(k,c)]).

quorum(More, Cs) :- cluster(Fs), append(Fs, More, All), changes(All, Cs0), include([quorum-_-_-_]>>true, Cs0, Cs).

test(quorum_at_risk_is_a_warning, Cs == [quorum-k-warning-raise]) :- quorum([node_up(a,true), node_up(b,true), node_up(c,false)], Cs).
test(quorum_lost_is_critical, Cs == [quorum-k-critical-raise]) :-
    quorum([node_up(a,true), node_up(b,false), node_up(c,false), active_alert(quorum,k,warning)], Cs).
test(unknown_members_raise_nothing, Cs == []) :- quorum([node_up(a,true)], Cs).
test(unknown_members_do_not_clear, Cs == [quorum-k-warning-lose]) :- quorum([node_up(a,true), active_alert(quorum,k,warning)], Cs).
test(unknown_members_do_not_make_it_less_severe, Cs == [quorum-k-critical-lose]) :-
    quorum([node_up(a,true), node_up(b,false), active_alert(quorum,k,critical)], Cs).
test(one_unknown_member_may_be_enough_to_know, Cs == [quorum-k-warning-raise]) :- quorum([node_up(a,true), node_up(b,false)], Cs).
test(quorum_is_back_to_a_warning, Cs == [quorum-k-warning-raise]) :-
    quorum([node_up(a,true), node_up(b,true), node_up(c,false), active_alert(quorum,k,critical), alert_unknown(quorum,k)], Cs).
test(quorum_is_safe_again, Cs == [quorum-k-warning-clear]) :-
    quorum([node_up(a,true), node_up(b,true), node_up(c,true), active_alert(quorum,k,warning)], Cs).
test(a_cluster_that_lost_its_members_is_over, Cs == [quorum-k-critical-clear]) :- changes([active_alert(quorum,k,critical)], Cs).

disk(Space, More, Cs) :-
    changes([node(a), node_mount(a,'/',1000), node_mount(a,'/data',1000), node_disk_available(a,'/',Space), node_disk_available(a,'/data',9000)|More], Cs).

test(a_disk_fills_up, Cs1-Cs2-Cs3 == []-[disk_full-a-warning-raise]-[disk_full-a-critical-raise]) :-
    disk(1000, [], Cs1), disk(999, [], Cs2), disk(499, [active_alert(disk_full,a,warning)], Cs3).
test(a_disk_empties_with_hysteresis, [Cs1,Cs2,Cs3,Cs4,Cs5] == [[], [], [disk_full-a-warning-raise], [], [disk_full-a-warning-clear]]) :-
    disk(500, [active_alert(disk_full,a,critical)], Cs1), disk(749, [active_alert(disk_full,a,critical)], Cs2),
    disk(750, [active_alert(disk_full,a,critical)], Cs3), disk(1249, [active_alert(disk_full,a,warning)], Cs4),
    disk(1250, [active_alert(disk_full,a,warning)], Cs5).
test(a_full_disk_that_is_not_seen_is_unknown_though_another_is, Cs == [disk_full-a-critical-lose]) :-
    changes([node(a), node_mount(a,'/',1000), node_mount(a,'/data',1000), node_disk_available(a,'/data',9000), active_alert(disk_full,a,critical)], Cs).
test(a_disk_that_is_not_watched_raises_nothing, Cs == []) :- changes([node(a), node_disk_available(a,'/boot',1)], Cs).

test(load_above_one_and_below_four_fifths, [Cs1,Cs2,Cs3] == [[overloaded-a-warning-raise], [], [overloaded-a-warning-clear]]) :-
    changes([node(a), node_load(a,1.01)], Cs1), changes([node(a), node_load(a,0.9), active_alert(overloaded,a,warning)], Cs2),
    changes([node(a), node_load(a,0.79), active_alert(overloaded,a,warning)], Cs3).

battery(More, Cs) :- changes([ups(u), node(a), ups_feeds(u,a), shutdown_takes(a,100)|More], Cs).

test(on_battery_with_time_is_a_warning, Cs == [on_battery-u-warning-raise]) :- battery([ups_on_battery(u,true), ups_runtime(u,1000)], Cs).
test(on_battery_without_time_is_critical, Cs == [on_battery-u-critical-raise]) :-
    battery([ups_on_battery(u,true), ups_runtime(u,159), active_alert(on_battery,u,warning)], Cs).
test(a_runtime_that_jumps_up_does_not_make_it_a_warning_again, Cs == []) :-
    battery([ups_on_battery(u,true), ups_runtime(u,1000), active_alert(on_battery,u,critical)], Cs).
test(mains_are_back, Cs == [on_battery-u-critical-clear]) :- battery([ups_on_battery(u,false), active_alert(on_battery,u,critical)], Cs).
test(a_silent_ups_is_unknown, Cs == [on_battery-u-warning-lose]) :- battery([stale(ups_on_battery(u,false)), active_alert(on_battery,u,warning)], Cs).

test(a_node_in_the_wrong_vlan, Cs == [wrong_vlan-a-warning-raise]) :- changes([node(a), node_vlan(a,1), node_zone(a,z), zone_vlan(z,2)], Cs).
test(moved_to_the_right_vlan, Cs == [wrong_vlan-a-warning-clear]) :-
    changes([node(a), node_vlan(a,2), node_zone(a,z), zone_vlan(z,2), active_alert(wrong_vlan,a,warning)], Cs).

test(a_logic_node_that_moves_onto_the_cluster, Cs == [logic_node_dependent-l-critical-raise]) :-
    changes([vm(l), logic_node(l), node(a), cluster_member(k,a), node_up(a,true), vm_host(l,a), active_alert(quorum,k,warning)], Cs).
test(where_it_is_is_unknown, Cs == [logic_node_dependent-l-critical-lose]) :-
    changes([vm(l), logic_node(l), node(a), cluster_member(k,a), node_up(a,true), active_alert(quorum,k,warning),
             active_alert(logic_node_dependent,l,critical)], Cs).

%   In worlds of every kind: at most one change for an alert and its subject, and none once they were made.
test(at_most_one_change_each, Wrong == []) :-
    findall(S-A, ( between(1, 60, S), some_world(S, Fs), changes(Fs, Cs),
                   select(A-X-_-_, Cs, Rest), memberchk(A-X-_-_, Rest) ), Wrong).
test(after_the_changes_there_is_nothing_to_change, Wrong == []) :-
    findall(S-Again, ( between(1, 60, S), some_world(S, Fs), changes(Fs, Cs), foldl(applied, Cs, Fs, Then), changes(Then, Again), Again \== [] ), Wrong).
test(what_was_made_stale_clears_nothing, Wrong == []) :-
    findall(S-A-X, ( between(1, 60, S), some_world(S, Fs), maplist(made_stale, Fs, Stale), changes(Stale, Cs),
                     member(A-X-_-clear, Cs) ), Wrong).

applied(A-S-V-raise, Fs0, [active_alert(A,S,V)|Fs]) :- exclude(about(A, S), Fs0, Fs).
applied(A-S-_-clear, Fs0, Fs) :- exclude(about(A, S), Fs0, Fs).
applied(A-S-_-lose, Fs, [alert_unknown(A,S)|Fs]).
applied(A-S-_-regain, Fs0, Fs) :- exclude(==(alert_unknown(A,S)), Fs0, Fs).

about(A, S, active_alert(A,S,_)).
about(A, S, alert_unknown(A,S)).

made_stale(F, F) :- F =.. [active_alert|_], !.
made_stale(F, F) :- F =.. [alert_unknown|_], !.
made_stale(F, stale(F)) :- functor(F, Name, Arity), catalogue:entry_kind(Name, Arity, state), !.
made_stale(F, F).

%   Facts of a small site, some of them, the same for the same seed; of facts with one key the last is kept.
some_world(Seed, Facts) :-
    findall(Fact, ( nth1(I, [node_up(a,true), node_up(b,true), node_up(c,true), node_up(a,false), node_up(b,false), node_temp(a,96.0), node_temp(b,92.0),
                             node_temp(c,40.0), node_load(a,1.5), node_load(b,0.9), node_disk_available(a,'/',400), node_disk_available(b,'/',1100),
                             node_disk_available(b,'/',800), ups_on_battery(u,true), ups_on_battery(u,false), ups_runtime(u,100), ups_runtime(u,9000),
                             active_alert(throttling,a,critical), active_alert(throttling,b,critical), active_alert(high_temperature,c,warning),
                             active_alert(quorum,k,critical), active_alert(quorum,k,warning), active_alert(node_down,a,critical),
                             active_alert(disk_full,a,critical), active_alert(disk_full,b,critical), active_alert(overloaded,b,warning),
                             active_alert(on_battery,u,critical), active_alert(on_battery,u,warning), alert_unknown(throttling,a),
                             alert_unknown(quorum,k), alert_unknown(disk_full,b), alert_unknown(on_battery,u)], Fact),
                    (Seed*7919+I*15485863) mod 103 mod 2 =:= 0 ), Some0),
    last_of_each(Some0, Some),
    append([node(a), node(b), node(c), node_class(a,nuc), node_class(b,nuc), node_class(c,nuc), cluster_member(k,a), cluster_member(k,b),
            cluster_member(k,c), node_mount(a,'/',1000), node_mount(b,'/',1000), ups(u), ups_feeds(u,a), shutdown_takes(a,50)], Some, Facts).

last_of_each([], []).
last_of_each([F|Fs0], Fs) :-
    facts:same_key(F, Slot),
    (   member(Other, Fs0), subsumes_term(Slot, Other)
    ->  Fs = Rest
    ;   Fs = [F|Rest]
    ),
    last_of_each(Fs0, Rest).

:- end_tests(alerts).
