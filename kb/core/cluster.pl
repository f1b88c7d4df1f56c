%   Nodes, clusters and quorum.
%
%   A core file holds catalogue/2 declarations and clauses of the checked language, nothing else
%   (docs/protocol.md section 1). A state fact holds while its evidence is valid, so a node that went silent is `unknown`
%   by itself: nothing here looks at a clock.

:- catalogue(now(time:time),
             [ kind(clock), det(det),
               doc("The time of the question by the site's clock, in milliseconds since 1970 UTC.") ]).

:- catalogue(logic_node(node:atom),
             [ kind(inventory),
               doc("Node is the machine that runs this site's logic node, outside every cluster it watches.") ]).
:- catalogue(node(node:atom),
             [ kind(inventory), doc("Node is a machine of this site.") ]).
:- catalogue(cluster_member(cluster:atom, node:atom),
             [ kind(inventory), doc("Node is a member of Cluster, with one vote.") ]).

:- catalogue(node_up(node:atom, up:boolean),
             [ kind(state), key([1]), doc("Node was seen up (true) or down (false).") ]).
:- catalogue(active_alert(alert:atom, subject:atom, severity:oneof([info,warning,critical])),
             [ kind(state), key([1,2]), doc("Alert is raised for Subject with Severity.") ]).

:- catalogue(node_status(node:atom, status:oneof([up,down,unknown])),
             [ kind(derived), det(multi),
               doc("The status of Node: up or down by fresh evidence, otherwise unknown.") ]).

node_status(Node, up) :-
    node(Node),
    node_up(Node, true).
node_status(Node, down) :-
    node(Node),
    node_up(Node, false).
node_status(Node, unknown) :-
    node(Node),
    \+ node_up(Node, _).

:- catalogue(cluster(cluster:atom),
             [ kind(derived), doc("Cluster has at least one member.") ]).

cluster(Cluster) :-
    cluster_member(Cluster, _).

:- catalogue(cluster_member_up(cluster:atom, node:atom),
             [ kind(derived), doc("Node is a member of Cluster and up.") ]).

cluster_member_up(Cluster, Node) :-
    cluster_member(Cluster, Node),
    node_status(Node, up).

:- catalogue(cluster_votes(cluster:atom, up:integer, total:integer),
             [ kind(derived), doc("Cluster has Total votes, Up of them by members that are up.") ]).

cluster_votes(Cluster, Up, Total) :-
    cluster(Cluster),
    aggregate_all(count, cluster_member(Cluster, _), Total),
    aggregate_all(count, cluster_member_up(Cluster, _), Up).

:- catalogue(quorum_margin(cluster:atom, margin:integer),
             [ kind(derived),
               doc("Members of Cluster that may still fail before it loses quorum; negative when it has lost it.") ]).

quorum_margin(Cluster, Margin) :-
    cluster_votes(Cluster, Up, Total),
    Margin is Up - (Total // 2 + 1).

:- catalogue(quorum_at_risk(cluster:atom),
             [ kind(derived), doc("One more failure loses Cluster its quorum, or it is lost already.") ]).

quorum_at_risk(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin =< 0.
