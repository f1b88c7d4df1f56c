%   Nodes, clusters and quorum; what a failure takes down; where the logic node must not be.
%
%   A core file holds catalogue/2 declarations and clauses of the checked language, nothing else (docs/protocol.md
%   section 1). A state fact holds while its evidence is valid, so a node that went silent is `unknown` by itself:
%   nothing here looks at a clock.

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

:- catalogue(quorum_device(cluster:atom, node:atom),
             [ kind(inventory),
               doc("Node gives Cluster one vote without being a member, as a QDevice does for a cluster of two.") ]).

:- catalogue(node_up(node:atom, up:boolean),
             [ kind(state), key([1]), doc("Node was seen up (true) or down (false).") ]).

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

                %   Quorum. A vote counts only by fresh evidence that its node is up.

:- catalogue(cluster_voter(cluster:atom, node:atom),
             [ kind(derived), doc("Node has a vote in Cluster, as a member or as a quorum device.") ]).

cluster_voter(Cluster, Node) :-
    cluster_member(Cluster, Node).
cluster_voter(Cluster, Node) :-
    quorum_device(Cluster, Node).

:- catalogue(cluster_voter_seen(cluster:atom, node:atom, up:boolean),
             [ kind(derived), doc("Node has a vote in Cluster and was seen up or down.") ]).

cluster_voter_seen(Cluster, Node, true) :-
    cluster_voter(Cluster, Node),
    node_up(Node, true).
cluster_voter_seen(Cluster, Node, false) :-
    cluster_voter(Cluster, Node),
    node_up(Node, false).

:- catalogue(cluster_votes(cluster:atom, up:integer, total:integer),
             [ kind(derived), lemma(true),
               doc("Cluster has Total votes, Up of them by nodes that are up.") ]).

cluster_votes(Cluster, Up, Total) :-
    cluster(Cluster),
    aggregate_all(count, cluster_voter(Cluster, _), Total),
    aggregate_all(count, cluster_voter_seen(Cluster, _, true), Up).

:- catalogue(quorum_margin(cluster:atom, margin:integer),
             [ kind(derived), lemma(true),
               doc("Votes that Cluster may still lose before it loses quorum; negative when it has. Unknown is not \c
                    up.") ]).

quorum_margin(Cluster, Margin) :-
    cluster_votes(Cluster, Up, Total),
    Margin is Up - (Total // 2 + 1).

:- catalogue(quorum_margin_at_best(cluster:atom, margin:integer),
             [ kind(derived), lemma(true),
               doc("The quorum margin of Cluster if every node that is unknown were up.") ]).

quorum_margin_at_best(Cluster, Margin) :-
    cluster_votes(Cluster, _, Total),
    aggregate_all(count, cluster_voter_seen(Cluster, _, false), Down),
    Margin is Total - Down - (Total // 2 + 1).

:- catalogue(has_quorum(cluster:atom),
             [ kind(derived), doc("More than half of the votes of Cluster are up.") ]).

has_quorum(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin >= 0.

:- catalogue(one_failure_loses_quorum(cluster:atom),
             [ kind(derived), doc("Cluster has quorum, and one more failure loses it.") ]).

one_failure_loses_quorum(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin =:= 0.

:- catalogue(quorum_at_risk(cluster:atom),
             [ kind(derived), doc("One more failure loses Cluster its quorum, or it is lost already.") ]).

quorum_at_risk(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin =< 0.

                %   What a failure takes down.

:- catalogue(lost_with(node:atom, what:oneof([vm,dependent,quorum]), lost:atom),
             [ kind(derived),
               doc("If Node failed now, Lost would go with it: a VM placed there, a unit that needs it, a quorum.") ]).

lost_with(Node, vm, Vm) :-
    node(Node),
    vm_host(Vm, Node).
lost_with(Node, dependent, Unit) :-
    node(Node),
    needed_by(Node, Unit),
    \+ vm_host(Unit, Node).
lost_with(Node, quorum, Cluster) :-
    node(Node),
    cluster_voter(Cluster, Node),
    node_up(Node, true),
    one_failure_loses_quorum(Cluster).

                %   Against hyperconvergence: what watches must not stand on what it watches.

:- catalogue(violation(rule:oneof([member_of_cluster,runs_on_cluster,needs_its_dependents]), subject:atom),
             [ kind(derived),
               doc("The logic node breaks Rule with Subject: it is a member of that cluster, or a VM on it; or it \c
                    needs Subject, which boots late.") ]).

violation(member_of_cluster, Cluster) :-
    logic_node(Node),
    cluster_member(Cluster, Node).
violation(runs_on_cluster, Cluster) :-
    logic_node(Vm),
    vm_host(Vm, Host),
    cluster_member(Cluster, Host).
violation(runs_on_cluster, Cluster) :-
    logic_node(Vm),
    vm_home(Vm, Host),
    cluster_member(Cluster, Host).
violation(needs_its_dependents, Unit) :-
    logic_node(Node),
    needs_deep(Node, Unit),
    Unit \== Node,
    needs_deep(Unit, Node).
violation(needs_its_dependents, Unit) :-
    logic_node(Node),
    needs_deep(Node, Unit),
    start_order(Unit, Late),
    needed_by(Node, Dependent),
    start_order(Dependent, Early),
    Early < Late.
