%   Zones, VLANs, and who may reach whom: an ordered list of firewall rules, the first match decides, default deny.
%
%   The atom `any` in a rule stands for every zone or service. In questions, `other` stands for a service that no rule
%   names and a zone that is not declared, so that an answer speaks of all traffic. Between machines of one zone there
%   is no firewall.

:- catalogue(node_zone(node:atom, zone:atom),
             [ kind(inventory), doc("Node belongs in zone Zone."),
               say(["which zone is each node in?", "which zone does {node} belong in?",
                    "which nodes belong in {zone}?"]) ]).
:- catalogue(zone_vlan(zone:atom, vlan:integer),
             [ kind(inventory), doc("Machines of zone Zone are on VLAN Vlan."),
               say(["which VLAN does each zone have?", "which VLAN is {zone} on?",
                    "which zone is on VLAN {vlan}?"]) ]).
:- catalogue(node_vlan(node:atom, vlan:integer),
             [ kind(inventory), doc("Node is plugged into VLAN Vlan."),
               say(["which VLAN is each node plugged into?", "which VLAN is {node} on?",
                    "which nodes are on VLAN {vlan}?"]) ]).
:- catalogue(firewall_rule(position:integer, from:atom, to:atom, service:atom, action:oneof([allow,deny])),
             [ kind(inventory),
               doc("Rule Position of the firewall, from zone From to zone To, says of service Service: Action. \c
                    From, To and Service may be any."),
               say(["what are the firewall rules?", "what does firewall rule {position} say?",
                    "which firewall rules are there from {from} to {to}?",
                    "which firewall rules {action} {service}?"]) ]).

:- catalogue(in_wrong_vlan(node:atom, vlan:integer, expected:integer),
             [ kind(derived), doc("Node is on VLAN Vlan, but its zone is on VLAN Expected."),
               say(["which nodes are in the wrong VLAN?", "is {node} on the wrong VLAN?",
                    "which nodes are on VLAN {vlan} by mistake?",
                    "which nodes should be on VLAN {expected} but are not?"]) ]).

in_wrong_vlan(Node, Vlan, Expected) :-
    node_vlan(Node, Vlan),
    node_zone(Node, Zone),
    zone_vlan(Zone, Expected),
    Vlan =\= Expected.

:- catalogue(unknown_zone(node:atom, zone:atom),
             [ kind(derived),
               doc("Node belongs in zone Zone, which has no VLAN. No firewall rule reaches it: mend the \c
                    inventory."),
               say(["which nodes belong in a zone without a VLAN?", "does {node} belong in a zone that has no VLAN?",
                    "which nodes are in {zone}, which has no VLAN?"]) ]).

unknown_zone(Node, Zone) :-
    node_zone(Node, Zone),
    \+ zone_vlan(Zone, _).

                %   The zones and services that rules are about.

:- catalogue(zone(zone:atom),
             [ kind(derived), lemma(true),
               doc("Zone is a zone of the network. It has a VLAN or is named by a firewall rule; or is `other`, \c
                    the rest of the world."),
               say(["which zones are there?", "what network segments does the firewall know?",
                    "is {zone} a zone of the network?"]) ]).

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
               doc("Service is a service that the firewall knows. It is named by a firewall rule; or is `other`, \c
                    all that no rule names."),
               say(["which services does the firewall know?", "what services are named by firewall rules?",
                    "does a firewall rule name {service}?"]) ]).

service(other).
service(Service) :-
    firewall_rule(_, _, _, Service, _),
    Service \== any.

:- catalogue(covers_zone(pattern:atom, zone:atom),
             [ kind(derived),
               doc("The pattern Pattern of a firewall rule stands for zone Zone. It is a zone or any."),
               say(["which firewall patterns stand for which zones?",
                    "which zones does the pattern {pattern} stand for?",
                    "which patterns of firewall rules stand for {zone}?"]) ]).

covers_zone(any, Zone) :-
    zone(Zone).
covers_zone(Zone, Zone) :-
    zone(Zone).

:- catalogue(covers_service(pattern:atom, service:atom),
             [ kind(derived),
               doc("The pattern Pattern of a firewall rule stands for service Service. It is a service or any."),
               say(["which firewall patterns stand for which services?",
                    "which services does the pattern {pattern} stand for?",
                    "which patterns of firewall rules stand for {service}?"]) ]).

covers_service(any, Service) :-
    service(Service).
covers_service(Service, Service) :-
    service(Service).

                %   The first match decides.

:- catalogue(rule_matches(position:integer, from:atom, to:atom, service:atom, action:oneof([allow,deny])),
             [ kind(derived),
               doc("Rule Position, read alone, gives Action for service Service from zone From to zone To."),
               say(["what does each firewall rule say, read alone?",
                    "what does rule {position} alone say about {service} from {from} to {to}?",
                    "which rules match {service} from {from} to {to}?",
                    "which rules alone would {action} {service}?"]) ]).

rule_matches(Position, From, To, Service, Action) :-
    firewall_rule(Position, FromPattern, ToPattern, ServicePattern, Action),
    covers_zone(FromPattern, From),
    covers_zone(ToPattern, To),
    covers_service(ServicePattern, Service).

:- catalogue(first_match(from:atom, to:atom, service:atom, position:integer),
             [ kind(derived), lemma(true),
               doc("Rule Position is the first about service Service from zone From to zone To. No answer: none \c
                    is, and it is denied."),
               say(["which rule comes first for which traffic?",
                    "which rule decides about {service} from {from} to {to}?",
                    "for which traffic is rule {position} the first?"]) ]).

first_match(From, To, Service, Position) :-
    zone(From),
    zone(To),
    service(Service),
    aggregate_all(min(Any), rule_matches(Any, From, To, Service, _), Position).

%   Two rules at one position are a mistake; of such a tie, deny wins.

:- catalogue(zone_allows(from:atom, to:atom, service:atom, position:integer),
             [ kind(derived), lemma(true),
               doc("The firewall lets service Service pass from zone From to zone To, by rule Position."),
               say(["what may pass between which zones?",
                    "does the firewall let {service} pass from zone {from} to zone {to}?",
                    "what may pass from zone {from} to zone {to}?",
                    "what does firewall rule {position} let pass?"]) ]).

zone_allows(From, To, Service, Position) :-
    first_match(From, To, Service, Position),
    rule_matches(Position, From, To, Service, allow),
    \+ rule_matches(Position, From, To, Service, deny).

:- catalogue(reaches_by(from:atom, to:atom, service:atom, position:integer),
             [ kind(derived),
               doc("Node From may use service Service of node To, by rule Position of the firewall. It is 0 \c
                    where both are in one zone, with no firewall between."),
               say(["which node reaches which, and by which rule?", "which rule lets {from} use {service} on {to}?",
                    "by which rules can {from} get to {to}?", "what does rule {position} let nodes reach?"]) ]).

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
               doc("Node From may use service Service of node To. Same zone, or the firewall lets it pass \c
                    between their zones."),
               say(["which nodes can reach each other, and over what?", "can {from} reach {to}?",
                    "may {from} use {service} on {to}?", "who can get to {to} over {service}?",
                    "what can {from} connect to?"]) ]).

may_reach(From, To, Service) :-
    reaches_by(From, To, Service, _).

                %   Mistakes in the rules.

:- catalogue(ambiguous_rules(position:integer),
             [ kind(derived),
               doc("Two rules stand at position Position. Which comes first is not said, and deny wins."),
               say(["which firewall rules stand at the same position?",
                    "is it unclear which rule at position {position} comes first?",
                    "are there ambiguous firewall rules?"]) ]).

ambiguous_rules(Position) :-
    firewall_rule(Position, _, _, _, _),
    aggregate_all(count, firewall_rule(Position, _, _, _, _), Count),
    Count > 1.

:- catalogue(covers_pattern(wide:atom, narrow:atom),
             [ kind(derived), lemma(true),
               doc("As patterns of firewall rules, Wide stands for all that Narrow does."),
               say(["which firewall patterns include which others?", "which patterns does {wide} include?",
                    "which patterns include {narrow}?"]) ]).

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
               doc("There is traffic that rule Position decides. No earlier rule takes it."),
               say(["which firewall rules decide anything?", "does rule {position} ever decide anything?",
                    "which firewall rules are in use?"]) ]).

rule_decides(Position) :-
    firewall_rule(Position, _, _, _, _),
    rule_matches(Position, From, To, Service, _),
    first_match(From, To, Service, Position).

:- catalogue(shadowed_rule(position:integer, by:integer),
             [ kind(derived),
               doc("Rule Position never decides anything, because of rule By before it. That takes all that the \c
                    rule is about, or together with others some of it."),
               say(["which firewall rules are never used?", "which earlier rule shadows rule {position}?",
                    "which rules does rule {by} shadow?", "are there dead firewall rules?"]) ]).

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
