%   What runs on which UPS, and what must be shut down in which order so that it ends before the battery does.
%
%   A shutdown goes by rounds, the reverse of the boot order: what is on the highest boot level stops first, all of a
%   level together, and the next level begins when the slowest has stopped. That takes a little longer than need be
%   and is easy to prove. A node with two supplies loses power only when none of its other UPSs is known to be on
%   mains.

:- catalogue(ups(ups:atom),
             [ kind(inventory), doc("Ups is an uninterruptible power supply of this site."),
               say(["which UPSes are there?", "what battery backups do we have?", "is {ups} one of our UPSes?"]) ]).
:- catalogue(ups_feeds(ups:atom, node:atom),
             [ kind(inventory), doc("Node has a power supply that is plugged into Ups."),
               say(["which UPS feeds which node?", "which nodes are plugged into {ups}?",
                    "which UPS is {node} plugged into?"]) ]).
:- catalogue(shutdown_takes(unit:atom, seconds:integer),
             [ kind(inventory), unit(2, second),
               doc("Unit is declared to need Seconds to shut down. It is a node or a VM."),
               say(["which shutdown times are declared?", "what shutdown time is declared for {unit}?",
                    "for what is a shutdown time of {seconds} declared?"]) ]).

:- catalogue(ups_on_battery(ups:atom, on_battery:boolean),
             [ kind(state), key([1]), doc("Ups runs on its battery (true) or on mains (false)."),
               say(["which UPSes are on battery, and which on mains?", "is {ups} on battery?",
                    "has {ups} lost its mains power?"]) ]).
:- catalogue(ups_runtime(ups:atom, runtime:integer),
             [ kind(state), key([1]), unit(2, second), doc("Ups expects to carry its load for Runtime on battery."),
               say(["how long will each UPS last?", "how long can {ups} carry its load?",
                    "how much runtime does {ups} have left?"]) ]).
:- catalogue(ups_charge(ups:atom, charge:float),
             [ kind(state), key([1]), unit(2, percent), doc("The battery of Ups is charged to Charge."),
               say(["how full are the batteries?", "what is the charge of {ups}?",
                    "how full is the battery of {ups}?"]) ]).

:- catalogue(runs_on_ups(ups:atom, unit:atom),
             [ kind(derived), doc("Unit runs on Ups. It is a node fed by it, or a VM that is placed on one."),
               say(["what runs on which UPS?", "what runs on {ups}?", "which UPS does {unit} run on?"]) ]).

runs_on_ups(Ups, Node) :-
    ups_feeds(Ups, Node).
runs_on_ups(Ups, Vm) :-
    ups_feeds(Ups, Node),
    needs(Vm, Node),
    vm(Vm).

:- catalogue(other_supply(ups:atom, node:atom),
             [ kind(derived), doc("Node is fed by Ups, and by another UPS too that is known to be on mains."),
               say(["which nodes have another supply that is on mains?",
                    "which nodes on {ups} have a second supply?",
                    "beside which UPS does {node} have another supply?"]) ]).

other_supply(Ups, Node) :-
    ups_feeds(Ups, Node),
    ups_feeds(Other, Node),
    Other \== Ups,
    ups_on_battery(Other, false).

:- catalogue(loses_power(ups:atom, node:atom),
             [ kind(derived), doc("When Ups is empty, Node has no power."),
               say(["which nodes lose power when which UPS is empty?", "which nodes go dark when {ups} is empty?",
                    "which UPS takes {node} down when it is empty?"]) ]).

loses_power(Ups, Node) :-
    ups_feeds(Ups, Node),
    \+ other_supply(Ups, Node).

:- catalogue(on_battery(node:atom, ups:atom),
             [ kind(derived), doc("Node lives on the battery of Ups now."),
               say(["which nodes are living on battery?", "is {node} on battery power?",
                    "which nodes live on the battery of {ups}?"]) ]).

on_battery(Node, Ups) :-
    loses_power(Ups, Node),
    ups_on_battery(Ups, true).

                %   What must stop, and in which order.

:- catalogue(must_stop(ups:atom, unit:atom),
             [ kind(derived), lemma(true),
               doc("Before Ups is empty, Unit must be shut down. It loses power, or needs something that does."),
               say(["what must be shut down before which UPS is empty?", "what has to stop before {ups} is empty?",
                    "before which UPS is empty must {unit} be shut down?"]) ]).

must_stop(Ups, Node) :-
    loses_power(Ups, Node).
must_stop(Ups, Unit) :-
    loses_power(Ups, Node),
    needed_by(Node, Unit).

:- catalogue(stop_takes(unit:atom, seconds:integer),
             [ kind(derived), unit(2, second),
               doc("Unit needs Seconds to shut down. As declared, or 90 for a VM and 120 for a node."),
               say(["how long does everything take to shut down?", "how long does {unit} take to shut down?",
                    "what takes {seconds} to shut down?"]) ]).

stop_takes(Unit, Seconds) :-
    shutdown_takes(Unit, Seconds).
stop_takes(Vm, 90) :-
    vm(Vm),
    \+ shutdown_takes(Vm, _).
stop_takes(Node, 120) :-
    node(Node),
    \+ vm(Node),
    \+ shutdown_takes(Node, _).

:- catalogue(stop_order(ups:atom, unit:atom, level:integer),
             [ kind(derived), lemma(true),
               doc("When Ups is on battery, Unit stops in round Level. The highest first: the reverse of the \c
                    boot order."),
               say(["in which order do things stop on battery?",
                    "in which order do things stop when {ups} is on battery?", "in which round does {unit} stop?",
                    "what stops in round {level} for {ups}?"]) ]).

stop_order(Ups, Unit, Level) :-
    must_stop(Ups, Unit),
    boot_level(Unit, Level).

:- catalogue(stop_unordered(ups:atom, unit:atom),
             [ kind(derived),
               doc("Unit must stop before Ups is empty, but has no place in the order. It is on a cycle, waits \c
                    for one, or is neither a node nor a VM of this site."),
               say(["what must stop but has no place in the shutdown order?",
                    "what on {ups} has no place in the shutdown order?",
                    "is {unit} missing from the shutdown order?"]) ]).

stop_unordered(Ups, Unit) :-
    must_stop(Ups, Unit),
    \+ boot_level(Unit, _).

:- catalogue(stop_level(ups:atom, level:integer),
             [ kind(derived), lemma(true), doc("When Ups is on battery, something stops in round Level."),
               say(["which rounds does each shutdown have?", "which rounds does the shutdown for {ups} have?",
                    "which UPSes stop something in round {level}?"]) ]).

stop_level(Ups, Level) :-
    stop_order(Ups, _, Level).

:- catalogue(round_takes(ups:atom, level:integer, seconds:integer),
             [ kind(derived), lemma(true), unit(3, second),
               doc("When Ups is on battery, round Level takes Seconds. That is what the slowest unit takes that \c
                    stops in it."),
               say(["how long does each round of a shutdown take?", "how long do the shutdown rounds of {ups} take?",
                    "how long does round {level} of the shutdown for {ups} take?"]) ]).

round_takes(Ups, Level, Seconds) :-
    stop_level(Ups, Level),
    aggregate_all(max(One), ( stop_order(Ups, Unit, At), At =:= Level, stop_takes(Unit, One) ), Seconds).

                %   Does it end in time?

:- catalogue(shutdown_time(ups:atom, seconds:integer),
             [ kind(derived), lemma(true), unit(2, second),
               doc("Shutting down all that must stop for Ups takes Seconds. Round after round; no answer while a \c
                    cycle leaves no order."),
               say(["how long would each shutdown take?", "how long does it take to shut down everything on {ups}?",
                    "what is the total shutdown time for {ups}?"]) ]).

shutdown_time(Ups, Seconds) :-
    ups(Ups),
    \+ stop_unordered(Ups, _),
    aggregate_all(sum(Round), round_takes(Ups, _, Round), Seconds).

:- catalogue(shutdown_slack(ups:atom, seconds:integer),
             [ kind(derived), lemma(true), unit(2, second),
               doc("The shutdown for Ups may begin Seconds from now and still end before its runtime does. \c
                    Negative: too late."),
               say(["how much time is left before each shutdown must begin?",
                    "how long can the shutdown for {ups} still wait?", "how much slack is there on {ups}?"]) ]).

shutdown_slack(Ups, Seconds) :-
    ups_runtime(Ups, Runtime),
    shutdown_time(Ups, Time),
    Seconds is Runtime - Time.

:- catalogue(shutdown_in_time(ups:atom),
             [ kind(derived), doc("A shutdown for Ups that begins now ends before its runtime does."),
               say(["for which UPSes is there still time to shut down?",
                    "can everything on {ups} shut down in time?",
                    "would a shutdown for {ups} that begins now make it?"]) ]).

shutdown_in_time(Ups) :-
    shutdown_slack(Ups, Slack),
    Slack >= 0.

:- catalogue(latest_shutdown(ups:atom, at:time),
             [ kind(derived),
               doc("The shutdown for Ups must begin at At, at the latest, to end before its runtime does."),
               say(["when must each shutdown begin at the latest?", "when must we start shutting down for {ups}?",
                    "what is the last moment for the shutdown on {ups}?"]) ]).

latest_shutdown(Ups, At) :-
    shutdown_slack(Ups, Slack),
    now(Now),
    At is Now + Slack * 1000.

:- catalogue(stops_after(ups:atom, unit:atom, seconds:integer),
             [ kind(derived), unit(3, second),
               doc("In the shutdown for Ups, Unit begins to stop Seconds after the first."),
               say(["how long after the shutdown begins does each unit stop?",
                    "in the shutdown for {ups}, when does each unit stop?",
                    "how far into the shutdown for {ups} does {unit} stop?"]) ]).

stops_after(Ups, Unit, Seconds) :-
    stop_order(Ups, Unit, Level),
    aggregate_all(sum(Round), ( round_takes(Ups, Higher, Round), Higher > Level ), Seconds).

:- catalogue(latest_stop(ups:atom, unit:atom, at:time),
             [ kind(derived),
               doc("Unit must begin to stop at At, at the latest, if all is to end before the runtime of Ups does."),
               say(["when must each unit begin to stop at the latest?", "by when must {unit} begin to stop?",
                    "by when must each unit on {ups} begin to stop?"]) ]).

latest_stop(Ups, Unit, At) :-
    latest_shutdown(Ups, Begin),
    stops_after(Ups, Unit, After),
    At is Begin + After * 1000.

:- catalogue(shutdown_can_wait(ups:atom),
             [ kind(derived),
               doc("It is proved that the shutdown for Ups may begin a minute from now and still end in time."),
               say(["for which UPSes can the shutdown wait?", "can the shutdown for {ups} wait another minute?",
                    "is it safe to put off the shutdown for {ups}?"]) ]).

shutdown_can_wait(Ups) :-
    shutdown_slack(Ups, Slack),
    Slack >= 60.

%   On the safe side: without fresh evidence of the runtime, or without an order, nothing shows that there is time.

:- catalogue(shutdown_due(ups:atom),
             [ kind(derived),
               doc("The shutdown for Ups is due. It is on battery, and it is not proved that the shutdown can \c
                    wait another minute: begin now."),
               say(["which UPSes call for a shutdown now?", "must we shut down for {ups} now?",
                    "is a shutdown due?"]) ]).

shutdown_due(Ups) :-
    ups_on_battery(Ups, true),
    ups(Ups),
    \+ shutdown_can_wait(Ups).
