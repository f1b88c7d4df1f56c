%   Zones, VLANs and who may reach whom.

:- catalogue(node_zone(node:atom, zone:atom),
             [ kind(inventory), doc("Node belongs in Zone.") ]).
:- catalogue(zone_vlan(zone:atom, vlan:integer),
             [ kind(inventory), doc("Machines of Zone are on Vlan.") ]).
:- catalogue(node_vlan(node:atom, vlan:integer),
             [ kind(inventory), doc("Node is plugged into Vlan.") ]).
:- catalogue(allow(from:atom, to:atom, service:atom),
             [ kind(inventory), doc("The firewall lets Service pass from zone From to zone To.") ]).

:- catalogue(in_wrong_vlan(node:atom, vlan:integer, expected:integer),
             [ kind(derived), doc("Node is on Vlan, but its zone is on Expected.") ]).

in_wrong_vlan(Node, Vlan, Expected) :-
    node_vlan(Node, Vlan),
    node_zone(Node, Zone),
    zone_vlan(Zone, Expected),
    Vlan =\= Expected.

:- catalogue(may_reach(from:atom, to:atom, service:atom),
             [ kind(derived), doc("Node From may use Service of node To: same zone, or allowed between their zones.") ]).

may_reach(From, To, any) :-
    node_zone(From, Zone),
    node_zone(To, Zone),
    From \== To.
may_reach(From, To, Service) :-
    node_zone(From, FromZone),
    node_zone(To, ToZone),
    FromZone \== ToZone,
    allow(FromZone, ToZone, Service).
