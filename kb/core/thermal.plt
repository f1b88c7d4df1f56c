:- use_module('../test/world').

/** <tests> Temperatures, throttling and trends. Every answer's proof is checked on the way. */

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

test(every_node_that_is_up_has_one_thermal_state,
     As == [thermal_state(a,throttling), thermal_state(b,at_risk), thermal_state(c,headroom), thermal_state(d,unknown), thermal_state(f,unknown)]) :-
    world([node(a), node(b), node(c), node(d), node(e), node(f), node_class(a,nuc), node_class(b,nuc), node_class(c,nuc),
           node_class(d,nuc), node_class(e,nuc), node_up(a,true), node_up(b,true), node_up(c,true), node_up(d,true), node_up(e,false),
           node_up(f,true), node_temp(a,95.0), node_temp(b,94.9), node_temp(c,85.0), stale(node_temp(d,99.0)), node_temp(e,99.0),
           node_temp(f,50.0)], W),
    proved(W, 1500000, thermal_state(_,_), As).
test(half_a_degree_a_minute_is_steady, As == [thermal_trend(a,steady), thermal_trend(b,rising), thermal_trend(c,falling)]) :-
    world([node_temp_trend(a,0.5), node_temp_trend(b,0.51), node_temp_trend(c,-2.0), stale(node_temp_trend(d,3.0))], W),
    proved(W, 1500000, thermal_trend(_,_), As).
test(minutes_until_it_throttles, As == [minutes_to_throttling(a,5.0)]) :-
    world([node(a), node_class(a,nuc), node_up(a,true), node_temp(a,85.0), node_temp_trend(a,2.0)], W),
    proved(W, 1500000, minutes_to_throttling(_,_), As).
test(what_falls_or_throttles_already_does_not_throttle_soon, As == [throttles_soon(d)]) :-
    world([node(a), node_class(a,nuc), node_up(a,true), node_temp(a,94.0), node_temp_trend(a,-2.0),
           node(b), node_class(b,nuc), node_up(b,true), node_temp(b,95.0), node_temp_trend(b,2.0),
           node(c), node_class(c,nuc), node_up(c,true), node_temp(c,60.0), node_temp_trend(c,2.0),
           node(d), node_class(d,nuc), node_up(d,true), node_temp(d,75.0), node_temp_trend(d,2.0)], W),
    proved(W, 1500000, throttles_soon(_), As).

:- end_tests(thermal).
