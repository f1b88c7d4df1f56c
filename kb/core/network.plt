:- use_module('../test/world').

/** <tests> Zones, VLANs and firewall rules. Every answer's proof is checked on the way. */

:- begin_tests(network).

test(a_node_in_the_wrong_vlan_is_named, As == [in_wrong_vlan(b,20,30)]) :-
    world([node_zone(a,servers), node_vlan(a,20), node_zone(b,storage), node_vlan(b,20),
           zone_vlan(servers,20), zone_vlan(storage,30)], W),
    proved(W, 1500000, in_wrong_vlan(_,_,_), As).
test(a_zone_without_vlan_is_named, As == [unknown_zone(a,attic)]) :-
    world([node_zone(a,attic), node_zone(b,servers), zone_vlan(servers,20)], W),
    proved(W, 1500000, unknown_zone(_,_), As).
test(without_rules_nothing_passes_between_zones, As == []) :-
    world([node_zone(a,servers), node_zone(c,storage), zone_vlan(servers,20), zone_vlan(storage,30)], W),
    proved(W, 1500000, may_reach(_,_,_), As).
test(what_no_rule_allows_is_denied, As == [may_reach(a,c,nfs)]) :-
    world([node_zone(a,servers), node_zone(c,storage), firewall_rule(1,servers,storage,nfs,allow)], W),
    proved(W, 1500000, may_reach(_,_,_), As).
test(in_one_zone_there_is_no_firewall_and_nobody_reaches_itself,
     As == [reaches_by(a,b,other,0), reaches_by(a,b,ssh,0), reaches_by(b,a,other,0), reaches_by(b,a,ssh,0)]) :-
    world([node_zone(a,servers), node_zone(b,servers), zone_vlan(servers,20), firewall_rule(1,any,any,ssh,deny)], W),
    proved(W, 1500000, reaches_by(_,_,_,_), As).
test(the_first_match_decides_whichever_order_the_facts_have, As == [reaches_by(a,c,ssh,2)]) :-
    world([node_zone(a,servers), node_zone(c,storage), firewall_rule(3,servers,storage,ssh,deny), firewall_rule(2,servers,any,ssh,allow),
           firewall_rule(1,servers,storage,nfs,deny), firewall_rule(9,any,storage,nfs,allow)], W),
    proved(W, 1500000, reaches_by(a,c,_,_), As).
test(any_service_is_also_one_that_no_rule_names, As == [may_reach(a,c,other), may_reach(a,c,ssh)]) :-
    world([node_zone(a,servers), node_zone(c,storage), firewall_rule(1,servers,storage,any,allow), firewall_rule(2,any,any,ssh,deny)], W),
    proved(W, 1500000, may_reach(a,c,_), As).
test(a_bound_question_about_a_denied_service_has_no_answer, As == []) :-
    world([node_zone(a,servers), node_zone(c,storage), firewall_rule(1,any,any,ssh,deny), firewall_rule(2,any,any,any,allow)], W),
    proved(W, 1500000, may_reach(a,c,ssh), As).
test(of_two_rules_at_one_position_deny_wins, As-Ts == []-[ambiguous_rules(1)]) :-
    world([node_zone(a,servers), node_zone(c,storage), firewall_rule(1,servers,storage,ssh,allow), firewall_rule(1,any,storage,ssh,deny)], W),
    proved(W, 1500000, may_reach(_,_,_), As),
    proved(W, 1500000, ambiguous_rules(_), Ts).
test(a_wider_earlier_rule_shadows, As == [shadowed_rule(2,1)]) :-
    world([zone_vlan(servers,20), zone_vlan(storage,30), firewall_rule(1,servers,any,ssh,allow), firewall_rule(2,servers,storage,ssh,deny),
           firewall_rule(3,servers,any,any,deny)], W),
    proved(W, 1500000, shadowed_rule(_,_), As).
test(rules_that_shadow_only_together_are_all_named, As == [shadowed_rule(3,1), shadowed_rule(3,2)]) :-
    world([firewall_rule(1,servers,storage,ssh,allow), firewall_rule(2,servers,storage,any,deny), firewall_rule(3,servers,storage,any,allow)], W0),
    proved(W0, 1500000, shadowed_rule(_,_), As0),
    As0 = [shadowed_rule(3,1), shadowed_rule(3,2)],
    world([firewall_rule(1,servers,storage,any,allow), firewall_rule(2,lab,storage,any,deny), firewall_rule(3,other,storage,any,deny),
           firewall_rule(4,storage,storage,any,deny), firewall_rule(5,any,storage,nfs,allow)], W),
    proved(W, 1500000, shadowed_rule(_,_), Bs),
    Bs == [shadowed_rule(5,1), shadowed_rule(5,2), shadowed_rule(5,3), shadowed_rule(5,4)],
    As = As0.
test(zones_together_are_not_the_world, As == []) :-
    world([zone_vlan(servers,20), firewall_rule(1,servers,any,any,allow), firewall_rule(2,any,any,any,deny)], W),
    proved(W, 1500000, shadowed_rule(_,_), As).
test(a_later_rule_does_not_shadow, As == []) :-
    world([firewall_rule(1,servers,storage,ssh,allow), firewall_rule(2,servers,any,any,allow)], W),
    proved(W, 1500000, shadowed_rule(_,_), As).

:- end_tests(network).
