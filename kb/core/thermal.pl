%   Temperatures, throttling, and which way they go.

:- catalogue(node_class(node:atom, class:oneof([rpi4,rpi5,nuc,mini_pc,server,generic])),
             [ kind(inventory), doc("The hardware class of Node is Class. It says where it throttles."),
               say(["what hardware is each node?", "what kind of hardware is {node}?",
                    "which nodes are of the hardware class {class}?"]) ]).
:- catalogue(node_temp(node:atom, temp:float),
             [ kind(state), key([1]), unit(2, celsius),
               doc("The temperature of Node is Temp. It is that of its hottest sensor."),
               say(["how hot are the nodes?", "how hot is {node}?", "what is the temperature of {node}?"]) ]).
:- catalogue(node_temp_trend(node:atom, trend:float),
             [ kind(state), key([1]), unit(2, celsius_per_minute),
               doc("The temperature of Node changes by Trend. Fitted over its last observations; negative when \c
                    it falls."),
               say(["how fast do the temperatures change?", "how fast does the temperature of {node} change?",
                    "how fast is {node} heating up?"]) ]).

:- catalogue(throttles_at(class:oneof([rpi4,rpi5,nuc,mini_pc,server,generic]), limit:float),
             [ kind(derived), unit(2, celsius), doc("Machines of class Class lower their clock at Limit."),
               say(["at which temperature does which hardware throttle?",
                    "at which temperature does the class {class} throttle?",
                    "which hardware throttles at {limit}?"]) ]).

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
               doc("The temperature of Node is Headroom below where its class throttles. Negative above it."),
               say(["how much thermal headroom does each node have?",
                    "how many degrees does {node} have left before it throttles?",
                    "how close is {node} to its limit?"]) ]).

thermal_headroom(Node, Headroom) :-
    node_class(Node, Class),
    throttles_at(Class, Limit),
    node_temp(Node, Temp),
    Headroom is Limit - Temp.

:- catalogue(at_risk_of_throttling(node:atom),
             [ kind(derived), doc("Node is up and less than 10 degrees below where its class throttles, or above."),
               say(["which nodes are about to throttle?", "is {node} close to throttling?",
                    "which machines are running too hot?"]) ]).

at_risk_of_throttling(Node) :-
    node_status(Node, up),
    thermal_headroom(Node, Headroom),
    Headroom < 10.0.

:- catalogue(throttling(node:atom),
             [ kind(derived), doc("Node is up and at or above the temperature where its class throttles."),
               say(["which nodes are throttling?", "is {node} throttling?", "is {node} slowed down by heat?"]) ]).

throttling(Node) :-
    node_status(Node, up),
    thermal_headroom(Node, Headroom),
    Headroom =< 0.0.

:- catalogue(thermal_state(node:atom, state:oneof([headroom,at_risk,throttling,unknown])),
             [ kind(derived),
               doc("The thermal state of Node is State. Node is up: throttling, at risk of it, with headroom, or \c
                    unknown for want of fresh evidence."),
               say(["what is the thermal state of every node?", "what is the thermal state of {node}?",
                    "which nodes have the thermal state {state}?"]) ]).

thermal_state(Node, throttling) :-
    throttling(Node).
thermal_state(Node, at_risk) :-
    at_risk_of_throttling(Node),
    \+ throttling(Node).
thermal_state(Node, headroom) :-
    node_status(Node, up),
    thermal_headroom(Node, Headroom),
    Headroom >= 10.0.
thermal_state(Node, unknown) :-
    node_status(Node, up),
    \+ thermal_headroom(Node, _).

:- catalogue(thermal_trend(node:atom, direction:oneof([rising,steady,falling])),
             [ kind(derived),
               doc("The trend of the temperature of Node is Direction. Rising or falling by more than half a \c
                    degree a minute, or steady."),
               say(["are the temperatures rising or falling?", "is {node} getting hotter or cooler?",
                    "which nodes have a {direction} temperature?"]) ]).

thermal_trend(Node, rising) :-
    node_temp_trend(Node, Trend),
    Trend > 0.5.
thermal_trend(Node, steady) :-
    node_temp_trend(Node, Trend),
    abs(Trend) =< 0.5.
thermal_trend(Node, falling) :-
    node_temp_trend(Node, Trend),
    Trend < -0.5.

:- catalogue(minutes_to_throttling(node:atom, minutes:float),
             [ kind(derived), unit(2, minute),
               doc("If the temperature of Node, which is up, goes on rising as it does, Node throttles in Minutes."),
               say(["how long until the nodes throttle?", "how many minutes until {node} throttles?",
                    "when will {node} begin to throttle?"]) ]).

minutes_to_throttling(Node, Minutes) :-
    thermal_trend(Node, rising),
    node_status(Node, up),
    node_temp_trend(Node, Trend),
    thermal_headroom(Node, Headroom),
    Headroom > 0.0,
    Minutes is Headroom / Trend.

:- catalogue(throttles_soon(node:atom),
             [ kind(derived), doc("Node throttles within 10 minutes, as its temperature goes."),
               say(["which nodes will throttle soon?", "will {node} throttle soon?",
                    "which machines throttle within ten minutes?"]) ]).

throttles_soon(Node) :-
    minutes_to_throttling(Node, Minutes),
    Minutes =< 10.0.
