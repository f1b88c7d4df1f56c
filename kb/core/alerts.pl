%   Alerts: when they are raised, cleared, and unknown.
%
%   From facts, the alerts that are active and now follow the changes, alert_change/4; the agent applies them as one
%   transaction after each revision. Three answers about an alert and its subject exclude each other:
%
%   - alert_on/3: fresh evidence shows that it holds.
%   - alert_over/2: fresh evidence shows that it is over, past its hysteresis.
%   - alert_blind/2: the evidence that would tell is missing. What is active stays so, and is unknown.
%
%   None of them: the reading lies in the hysteresis band, and what is active stays active.

:- catalogue(active_alert(alert:atom, subject:atom, severity:oneof([info,warning,critical])),
             [ kind(state), key([1,2]), doc("The alert Alert is raised for Subject with severity Severity."),
               say(["which alerts are active?", "is anything wrong with {subject}?",
                    "what is the {alert} alert raised for?", "which {severity} alerts are there?",
                    "does {subject} have a {severity} alert?"]) ]).
:- catalogue(alert_unknown(alert:atom, subject:atom),
             [ kind(state), key([1,2]),
               doc("The alert Alert is raised for Subject, but the evidence that it rests on is missing by now."),
               say(["of which active alerts has the evidence gone?",
                    "is the evidence for any alert about {subject} missing?",
                    "for what is it unknown whether {alert} still holds?"]) ]).
:- catalogue(node_mount(node:atom, mount:atom, reserve:integer),
             [ kind(inventory), unit(3, mebibyte),
               doc("Of Node's file system at Mount, Reserve should stay free. Below it an alert is raised, below \c
                    half of it a critical one."),
               say(["how much disk should stay free on each node?", "which file systems of {node} have a reserve?",
                    "what is the reserve of {mount} on {node}?", "which nodes have a reserve for {mount}?"]) ]).

:- catalogue(alert_change(alert:atom, subject:atom, severity:oneof([info,warning,critical]),
                          change:oneof([raise,clear,lose,regain])),
             [ kind(derived),
               doc("The next change of the alert Alert for Subject, of severity Severity, is Change. It is to be \c
                    raised or cleared, or its evidence was lost or is back."),
               say(["which alerts are about to change?", "what is to change about the alerts of {subject}?",
                    "where is the {alert} alert about to change?", "which alerts are to {change} now?"]) ]).

alert_change(Alert, Subject, Severity, raise) :-
    alert_on(Alert, Subject, Severity),
    \+ active_alert(Alert, Subject, Severity).
alert_change(Alert, Subject, Severity, clear) :-
    active_alert(Alert, Subject, Severity),
    alert_over(Alert, Subject).
alert_change(Alert, Subject, Severity, lose) :-
    active_alert(Alert, Subject, Severity),
    \+ alert_unknown(Alert, Subject),
    alert_blind(Alert, Subject).
alert_change(Alert, Subject, Severity, regain) :-
    alert_unknown(Alert, Subject),
    active_alert(Alert, Subject, Severity),
    \+ alert_blind(Alert, Subject),
    \+ alert_over(Alert, Subject),
    \+ severity_changes(Alert, Subject).

:- catalogue(severity_changes(alert:atom, subject:atom),
             [ kind(derived), doc("The alert Alert is active for Subject and is now raised with another severity."),
               say(["which alerts change their severity?", "does the severity of any alert about {subject} change?",
                    "for what does the {alert} alert get another severity?"]) ]).

severity_changes(Alert, Subject) :-
    active_alert(Alert, Subject, Severity),
    alert_on(Alert, Subject, Other),
    Other \== Severity.

:- catalogue(alert_subject(alert:atom, subject:atom),
             [ kind(derived), doc("The alert Alert exists and is about Subject, by the inventory."),
               say(["which alerts exist, and about what?", "what could be alerted about {subject}?",
                    "what does the {alert} alert watch?"]) ]).

alert_subject(node_down, Node) :-
    node(Node).
alert_subject(throttling, Node) :-
    node(Node),
    node_class(Node, _).
alert_subject(high_temperature, Node) :-
    node(Node),
    node_class(Node, _).
alert_subject(overloaded, Node) :-
    node(Node).
alert_subject(disk_full, Node) :-
    node(Node),
    node_mount(Node, _, _).
alert_subject(wrong_vlan, Node) :-
    node(Node),
    node_vlan(Node, _).
alert_subject(quorum, Cluster) :-
    cluster(Cluster).
alert_subject(on_battery, Ups) :-
    ups(Ups).
alert_subject(logic_node_dependent, Node) :-
    logic_node(Node).

:- catalogue(alert_on(alert:atom, subject:atom, severity:oneof([info,warning,critical])),
             [ kind(derived),
               doc("Fresh evidence shows that the alert Alert should be active for Subject with severity \c
                    Severity."),
               say(["which alerts does fresh evidence call for?", "what should be raised for {subject}?",
                    "for what should the {alert} alert be active?",
                    "which alerts should be {severity}, by the evidence?"]) ]).
:- catalogue(alert_over(alert:atom, subject:atom),
             [ kind(derived),
               doc("Fresh evidence shows that the alert Alert is over for Subject, past its hysteresis. Give \c
                    both."),
               say(["which alerts are over?", "is the {alert} alert over for {subject}?",
                    "what is over for {subject}?"]) ]).
:- catalogue(alert_blind(alert:atom, subject:atom),
             [ kind(derived),
               doc("The evidence that would tell whether the alert Alert holds for Subject is missing. Give \c
                    both."),
               say(["for which alerts is the evidence missing?",
                    "is the evidence for the {alert} alert about {subject} missing?",
                    "what can not be told about {subject}?"]) ]).

%   An alert that no longer exists, or whose subject the operator took out of the inventory, is over.
alert_over(Alert, Subject) :-
    active_alert(Alert, Subject, _),
    \+ alert_subject(Alert, Subject).

                %   A node is down. One that went silent is not: it is unknown.

alert_on(node_down, Node, critical) :-
    node_up(Node, false),
    node(Node).
alert_over(node_down, Node) :-
    node_up(Node, true),
    node(Node).
alert_blind(node_down, Node) :-
    node_status(Node, unknown).

                %   Temperature. Raised at the limit, over 5 degrees below it; 10 and 13 for the early warning.
                %   A node that is down does not throttle.

alert_on(throttling, Node, critical) :-
    throttling(Node).
alert_on(high_temperature, Node, warning) :-
    at_risk_of_throttling(Node).
alert_over(throttling, Node) :-
    cooler_than_limit(Node, Headroom),
    Headroom >= 5.0.
alert_over(throttling, Node) :-
    node_class(Node, _),
    node_status(Node, down).
alert_over(high_temperature, Node) :-
    cooler_than_limit(Node, Headroom),
    Headroom >= 13.0.
alert_over(high_temperature, Node) :-
    node_class(Node, _),
    node_status(Node, down).
alert_blind(throttling, Node) :-
    temperature_unknown(Node).
alert_blind(high_temperature, Node) :-
    temperature_unknown(Node).

:- catalogue(cooler_than_limit(node:atom, headroom:float),
             [ kind(derived), unit(2, celsius),
               doc("Node, which is up, is Headroom below where its class throttles."),
               say(["how far below its limit is each node that is up?",
                    "how many degrees is {node} below its limit?",
                    "by how much is {node} cooler than where it throttles?"]) ]).

cooler_than_limit(Node, Headroom) :-
    node_status(Node, up),
    thermal_headroom(Node, Headroom).

:- catalogue(temperature_unknown(node:atom),
             [ kind(derived), doc("Of Node, whose class is declared, it is unknown whether it is up, or how hot."),
               say(["of which nodes is the temperature unknown?", "is the temperature of {node} unknown?",
                    "which machines do we know no temperature of?"]) ]).

temperature_unknown(Node) :-
    node_class(Node, _),
    node_status(Node, unknown).
temperature_unknown(Node) :-
    node_class(Node, _),
    node_status(Node, up),
    \+ node_temp(Node, _).

                %   Load: raised above one for each core, over below 0.8.

alert_on(overloaded, Node, warning) :-
    node_load(Node, Load),
    Load > 1.0,
    node(Node),
    \+ node_up(Node, false).
alert_over(overloaded, Node) :-
    node(Node),
    node_load(Node, Load),
    Load < 0.8.
alert_over(overloaded, Node) :-
    node_status(Node, down).
alert_blind(overloaded, Node) :-
    node(Node),
    \+ node_load(Node, _),
    \+ node_up(Node, false).

                %   Quorum. Certain only when it does not matter which way the unknown nodes are.

alert_on(quorum, Cluster, critical) :-
    quorum_margin_at_best(Cluster, Best),
    Best < 0.
alert_on(quorum, Cluster, warning) :-
    quorum_margin_at_best(Cluster, Best),
    Best =:= 0,
    \+ quorum_may_be_lost(Cluster).
alert_on(quorum, Cluster, warning) :-
    quorum_margin_at_best(Cluster, Best),
    Best =:= 0,
    quorum_may_be_lost(Cluster),
    \+ active_alert(quorum, Cluster, critical).
alert_over(quorum, Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin > 0.
alert_blind(quorum, Cluster) :-
    quorum_margin_at_best(Cluster, Best),
    Best > 0,
    quorum_at_risk(Cluster).
alert_blind(quorum, Cluster) :-
    quorum_margin_at_best(Cluster, Best),
    Best =:= 0,
    quorum_may_be_lost(Cluster),
    active_alert(quorum, Cluster, critical).

:- catalogue(quorum_may_be_lost(cluster:atom),
             [ kind(derived), doc("Counting only nodes that are known to be up, Cluster has lost its quorum."),
               say(["which clusters may have lost their quorum?", "may {cluster} have lost its quorum already?",
                    "could the quorum be gone, counting only nodes known to be up?"]) ]).

quorum_may_be_lost(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin < 0.

                %   Disk: warning below the reserve, critical below half of it; over a quarter above it, and back from
                %   critical to warning at three quarters.

alert_on(disk_full, Node, critical) :-
    mount_below_half(Node).
alert_on(disk_full, Node, warning) :-
    mount_below_reserve(Node),
    \+ mount_below_half(Node),
    \+ active_alert(disk_full, Node, critical).
alert_on(disk_full, Node, warning) :-
    active_alert(disk_full, Node, critical),
    mount_below_reserve(Node),
    \+ mount_not_above(Node, 3).
alert_over(disk_full, Node) :-
    node_mount(Node, _, _),
    node(Node),
    \+ mount_not_above(Node, 5).
alert_blind(disk_full, Node) :-
    node_mount(Node, Mount, _),
    node(Node),
    \+ node_disk_available(Node, Mount, _),
    \+ alert_on(disk_full, Node, _).

:- catalogue(mount_quarters(node:atom, mount:atom, above:integer),
             [ kind(derived),
               doc("At least Above quarters of the reserve are free on Node's file system at Mount. Above is 3 \c
                    or 5."),
               say(["how many quarters of its reserve does each file system have free?",
                    "how many quarters of its reserve does {mount} on {node} have free?",
                    "how much of the reserve is free on {node}, in quarters?",
                    "which file systems have {above} quarters of their reserve free?"]) ]).

mount_quarters(Node, Mount, 3) :-
    node_mount(Node, Mount, Reserve),
    node_disk_available(Node, Mount, Space),
    Space * 4 >= Reserve * 3.
mount_quarters(Node, Mount, 5) :-
    node_mount(Node, Mount, Reserve),
    node_disk_available(Node, Mount, Space),
    Space * 4 >= Reserve * 5.

:- catalogue(mount_not_above(node:atom, quarters:integer),
             [ kind(derived),
               doc("A file system of Node is not known to have Quarters quarters of its reserve free. Quarters \c
                    is 3 or 5."),
               say(["which nodes are not known to have their reserves free?",
                    "how many quarters of a reserve is {node} not known to have free?",
                    "which nodes are not known to have {quarters} quarters of a reserve free?"]) ]).

mount_not_above(Node, 3) :-
    node_mount(Node, Mount, _),
    \+ mount_quarters(Node, Mount, 3).
mount_not_above(Node, 5) :-
    node_mount(Node, Mount, _),
    \+ mount_quarters(Node, Mount, 5).

:- catalogue(mount_below_reserve(node:atom),
             [ kind(derived), doc("A file system of Node has less free than its reserve."),
               say(["which nodes are running low on disk?", "is a file system of {node} below its reserve?",
                    "which machines have less disk free than they should?"]) ]).

mount_below_reserve(Node) :-
    node_mount(Node, Mount, Reserve),
    node(Node),
    node_disk_available(Node, Mount, Space),
    Space < Reserve.

:- catalogue(mount_below_half(node:atom),
             [ kind(derived), doc("A file system of Node has less free than half of its reserve."),
               say(["which nodes are critically short of disk?",
                    "does {node} have less than half of a disk reserve free?",
                    "which machines are below half of their reserve?"]) ]).

mount_below_half(Node) :-
    node_mount(Node, Mount, Reserve),
    node(Node),
    node_disk_available(Node, Mount, Space),
    Space * 2 < Reserve.

                %   Power: critical when the shutdown is due, and then until mains are back: runtime estimates jump.

alert_on(on_battery, Ups, critical) :-
    shutdown_due(Ups).
alert_on(on_battery, Ups, warning) :-
    ups_on_battery(Ups, true),
    ups(Ups),
    \+ active_alert(on_battery, Ups, critical),
    shutdown_can_wait(Ups).
alert_over(on_battery, Ups) :-
    ups(Ups),
    ups_on_battery(Ups, false).
alert_blind(on_battery, Ups) :-
    ups(Ups),
    \+ ups_on_battery(Ups, _).

                %   The wrong VLAN: the inventory says so, there is nothing to miss.

alert_on(wrong_vlan, Node, warning) :-
    in_wrong_vlan(Node, _, _),
    node(Node).
alert_over(wrong_vlan, Node) :-
    node_vlan(Node, _),
    node(Node),
    \+ in_wrong_vlan(Node, _, _).

                %   The logic node stands on what it watches. Unknown while a VM that it needs may be anywhere.

alert_on(logic_node_dependent, Node, critical) :-
    violation(_, _),
    logic_node(Node).
alert_over(logic_node_dependent, Node) :-
    logic_node(Node),
    \+ violation(_, _),
    \+ need_unplaced(Node).
alert_blind(logic_node_dependent, Node) :-
    logic_node(Node),
    \+ violation(_, _),
    need_unplaced(Node).

:- catalogue(need_unplaced(node:atom),
             [ kind(derived),
               doc("Node, the logic node, is or needs a VM whose place is not known by fresh evidence."),
               say(["does the logic node need a VM whose place is not known?",
                    "does {node} need a VM that nobody knows the place of?",
                    "which logic node needs something unplaced?"]) ]).

need_unplaced(Vm) :-
    logic_node(Vm),
    unplaced_vm(Vm).
need_unplaced(Node) :-
    logic_node(Node),
    needs_deep(Node, Vm),
    unplaced_vm(Vm).
