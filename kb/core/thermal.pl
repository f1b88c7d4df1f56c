%   Temperatures and throttling.

:- catalogue(node_class(node:atom, class:oneof([rpi4,rpi5,nuc,mini_pc,server,generic])),
             [ kind(inventory), doc("The hardware class of Node, which says where it throttles.") ]).
:- catalogue(node_temp(node:atom, temp:float),
             [ kind(state), key([1]), unit(2, celsius), doc("The temperature of the hottest sensor of Node.") ]).

:- catalogue(throttles_at(class:oneof([rpi4,rpi5,nuc,mini_pc,server,generic]), limit:float),
             [ kind(derived), unit(2, celsius),
               doc("Machines of Class lower their clock at Limit.") ]).

%   Raspberry Pi: soft limit of the firmware. The others: typical junction limits less a margin; `generic` is a
%   guess on the safe side for a class that nobody declared.
throttles_at(rpi4, 80.0).
throttles_at(rpi5, 82.0).
throttles_at(nuc, 95.0).
throttles_at(mini_pc, 95.0).
throttles_at(server, 85.0).
throttles_at(generic, 90.0).

:- catalogue(thermal_headroom(node:atom, headroom:float),
             [ kind(derived), unit(2, celsius),
               doc("Degrees between the temperature of Node and where its class throttles; negative above it.") ]).

thermal_headroom(Node, Headroom) :-
    node_class(Node, Class),
    throttles_at(Class, Limit),
    node_temp(Node, Temp),
    Headroom is Limit - Temp.

:- catalogue(at_risk_of_throttling(node:atom),
             [ kind(derived), doc("Node is up and less than 10 degrees below where its class throttles, or above.") ]).

at_risk_of_throttling(Node) :-
    node_status(Node, up),
    thermal_headroom(Node, Headroom),
    Headroom < 10.0.

:- catalogue(throttling(node:atom),
             [ kind(derived), doc("Node is up and at or above the temperature where its class throttles.") ]).

throttling(Node) :-
    node_status(Node, up),
    thermal_headroom(Node, Headroom),
    Headroom =< 0.0.
