%   Zones, VLANs, and who may reach whom: an ordered list of firewall rules, the first match decides, default deny.
%
%   The atom `any` in a rule stands for every zone or service. In questions, `other` stands for a service that no rule
%   names and a zone that is not declared, so that an answer speaks of all traffic. Between machines of one zone there
%   is no firewall.

:- catalogue(node_zone(node:atom, zone:atom),
             [ kind(inventory), doc("Node belongs in Zone.") ]).
:- catalogue(zone_vlan(zone:atom, vlan:integer),
             [ kind(inventory), doc("Machines of Zone are on Vlan.") ]).
:- catalogue(node_vlan(node:atom, vlan:integer),
             [ kind(inventory), doc("Node is plugged into Vlan.") ]).
:- catalogue(firewall_rule(position:integer, from:atom, to:atom, service:atom, action:oneof([allow,deny])),
             [ kind(inventory),
               doc("Rule Position of the firewall: from zone From to zone To (or any), Service (or any) is allowed \c
                    or denied.") ]).

:- catalogue(in_wrong_vlan(node:atom, vlan:integer, expected:integer),
             [ kind(derived), doc("Node is on Vlan, but its zone is on Expected.") ]).

in_wrong_vlan(Node, Vlan, Expected) :-
    node_vlan(Node, Vlan),
    node_zone(Node, Zone),
    zone_vlan(Zone, Expected),
    Vlan =\= Expected.

:- catalogue(unknown_zone(node:atom, zone:atom),
             [ kind(derived),
               doc("Node belongs in Zone, which has no VLAN: no firewall rule reaches it. Mend the inventory.") ]).

unknown_zone(Node, Zone) :-
    node_zone(Node, Zone),
    \+ zone_vlan(Zone, _).

                %   The zones and services that rules are about.

:- catalogue(zone(zone:atom),
             [ kind(derived), lemma(true),
               doc("Zone has a VLAN or is named by a firewall rule; or is `other`, the rest of the world.") ]).

zone(other).
zone(Zone) :-
    zone_vlan(Zone, _).
zone(Zone) :-
    firewall_rule(_, Zone, _, _, _),
    Zone \== any.
zone(Zone) :-
    firewall_rule(_, _, Zone, _, _),
    Zone \== any.

:- catalogue(service(service:atom),
             [ kind(derived), lemma(true),
               doc("Service is named by a firewall rule; or is `other`, all that no rule names.") ]).

service(other).
service(Service) :-
    firewall_rule(_, _, _, Service, _),
    Service \== any.

:- catalogue(covers_zone(pattern:atom, zone:atom),
             [ kind(derived), doc("Pattern of a firewall rule, a zone or any, stands for Zone.") ]).

covers_zone(any, Zone) :-
    zone(Zone).
covers_zone(Zone, Zone) :-
    zone(Zone).

:- catalogue(covers_service(pattern:atom, service:atom),
             [ kind(derived), doc("Pattern of a firewall rule, a service or any, stands for Service.") ]).

covers_service(any, Service) :-
    service(Service).
covers_service(Service, Service) :-
    service(Service).

                %   The first match decides.

:- catalogue(rule_matches(position:integer, from:atom, to:atom, service:atom, action:oneof([allow,deny])),
             [ kind(derived), doc("Rule Position, read alone, gives Action for Service from zone From to zone To.") ]).

rule_matches(Position, From, To, Service, Action) :-
    firewall_rule(Position, FromPattern, ToPattern, ServicePattern, Action),
    covers_zone(FromPattern, From),
    covers_zone(ToPattern, To),
    covers_service(ServicePattern, Service).

:- catalogue(first_match(from:atom, to:atom, service:atom, position:integer),
             [ kind(derived), lemma(true),
               doc("Position is the first rule about Service from zone From to zone To. No answer: none is, and it \c
                    is denied.") ]).

first_match(From, To, Service, Position) :-
    zone(From),
    zone(To),
    service(Service),
    aggregate_all(min(Any), rule_matches(Any, From, To, Service, _), Position).

%   Two rules at one position are a mistake; of such a tie, deny wins.

:- catalogue(zone_allows(from:atom, to:atom, service:atom, position:integer),
             [ kind(derived), lemma(true),
               doc("The firewall lets Service pass from zone From to zone To, by rule Position.") ]).

zone_allows(From, To, Service, Position) :-
    first_match(From, To, Service, Position),
    rule_matches(Position, From, To, Service, allow),
    \+ rule_matches(Position, From, To, Service, deny).

:- catalogue(reaches_by(from:atom, to:atom, service:atom, position:integer),
             [ kind(derived),
               doc("Node From may use Service of node To by firewall rule Position; 0 where both are in one zone, \c
                    with no firewall between.") ]).

reaches_by(From, To, Service, 0) :-
    node_zone(From, Zone),
    node_zone(To, Zone),
    From \== To,
    service(Service).
reaches_by(From, To, Service, Position) :-
    node_zone(From, FromZone),
    node_zone(To, ToZone),
    FromZone \== ToZone,
    zone_allows(FromZone, ToZone, Service, Position).

:- catalogue(may_reach(from:atom, to:atom, service:atom),
             [ kind(derived),
               doc("Node From may use Service of node To: same zone, or the firewall lets it pass between their \c
                    zones.") ]).

may_reach(From, To, Service) :-
    reaches_by(From, To, Service, _).

                %   Mistakes in the rules.

:- catalogue(ambiguous_rules(position:integer),
             [ kind(derived), doc("Two rules stand at Position: which comes first is not said, and deny wins.") ]).

ambiguous_rules(Position) :-
    firewall_rule(Position, _, _, _, _),
    aggregate_all(count, firewall_rule(Position, _, _, _, _), Count),
    Count > 1.

:- catalogue(covers_pattern(wide:atom, narrow:atom),
             [ kind(derived), lemma(true),
               doc("As patterns of firewall rules, Wide stands for all that Narrow does.") ]).

covers_pattern(any, Zone) :-
    zone(Zone).
covers_pattern(any, Service) :-
    service(Service).
covers_pattern(any, any).
covers_pattern(Zone, Zone) :-
    zone(Zone).
covers_pattern(Service, Service) :-
    service(Service).

:- catalogue(rule_decides(position:integer),
             [ kind(derived), lemma(true),
               doc("There is traffic that rule Position decides: no earlier rule takes it.") ]).

rule_decides(Position) :-
    firewall_rule(Position, _, _, _, _),
    rule_matches(Position, From, To, Service, _),
    first_match(From, To, Service, Position).

:- catalogue(shadowed_rule(position:integer, by:integer),
             [ kind(derived),
               doc("Rule Position never decides anything; the earlier rule By takes all that it is about, or \c
                    together with others some of it.") ]).

shadowed_rule(Position, By) :-
    firewall_rule(Position, From, To, Service, _),
    firewall_rule(By, FromBy, ToBy, ServiceBy, _),
    By < Position,
    covers_pattern(FromBy, From),
    covers_pattern(ToBy, To),
    covers_pattern(ServiceBy, Service).
shadowed_rule(Position, By) :-
    firewall_rule(Position, _, _, _, _),
    \+ rule_decides(Position),
    rule_matches(Position, From, To, Service, _),
    first_match(From, To, Service, By).
