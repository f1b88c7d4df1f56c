%   Nodes, clusters and quorum; what a failure takes down; where the logic node must not be.
%
%   A core file holds catalogue/2 declarations and clauses of the checked language, nothing else (docs/protocol.md
%   section 1). A state fact holds while its evidence is valid, so a node that went silent is `unknown` by itself:
%   nothing here looks at a clock.

:- catalogue(now(time:time),
             [ kind(clock), det(det),
               doc("The time of the question by the site's clock is Time. In milliseconds since 1970 UTC."),
               say(["what time is it at this site?", "what does the clock of the site say?",
                    "what is the time of this question?"]) ]).

:- catalogue(logic_node(node:atom),
             [ kind(inventory),
               doc("Node is the machine that runs this site's logic node, outside every cluster it watches."),
               say(["which machine runs the logic node?", "is {node} the logic node?",
                    "where does the logic node run?"]) ]).
:- catalogue(node(node:atom),
             [ kind(inventory), doc("Node is a machine of this site."),
               say(["which nodes are there?", "which machines does this site have?",
                    "is {node} a machine of this site?"]) ]).
:- catalogue(cluster_member(cluster:atom, node:atom),
             [ kind(inventory), doc("Node is a member of Cluster, with one vote."),
               say(["which nodes belong to which cluster?", "which nodes are in {cluster}?",
                    "which cluster is {node} in?", "is {node} a member of {cluster}?"]) ]).

:- catalogue(quorum_device(cluster:atom, node:atom),
             [ kind(inventory),
               doc("Node gives Cluster one vote without being a member. So does a QDevice for a cluster of two."),
               say(["which clusters have a quorum device?", "what is the quorum device of {cluster}?",
                    "for which cluster is {node} the quorum device?"]) ]).

:- catalogue(node_up(node:atom, up:boolean),
             [ kind(state), key([1]), doc("Node was seen up (true) or down (false)."),
               say(["which nodes were seen up or down?", "was {node} seen up?", "what was last seen of {node}?"]) ]).

:- catalogue(node_status(node:atom, status:oneof([up,down,unknown])),
             [ kind(derived), det(multi),
               doc("The status of Node is Status. Up or down by fresh evidence, otherwise unknown."),
               say(["what is the status of every node?", "is {node} up?", "which nodes are {status}?",
                    "is {node} {status}?"]) ]).

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
             [ kind(derived), doc("Cluster has at least one member."),
               say(["which clusters are there?", "what clusters do we have?",
                    "is {cluster} one of our clusters?"]) ]).

cluster(Cluster) :-
    cluster_member(Cluster, _).

:- catalogue(cluster_member_up(cluster:atom, node:atom),
             [ kind(derived), doc("Node is a member of Cluster and up."),
               say(["which members of which clusters are up?", "which members of {cluster} are up?",
                    "is {node} an active member of its cluster?"]) ]).

cluster_member_up(Cluster, Node) :-
    cluster_member(Cluster, Node),
    node_status(Node, up).

                %   Quorum. A vote counts only by fresh evidence that its node is up.

:- catalogue(cluster_voter(cluster:atom, node:atom),
             [ kind(derived), doc("Node has a vote in Cluster, as a member or as a quorum device."),
               say(["who votes in which cluster?", "who has a vote in {cluster}?",
                    "where does {node} have a vote?"]) ]).

cluster_voter(Cluster, Node) :-
    cluster_member(Cluster, Node).
cluster_voter(Cluster, Node) :-
    quorum_device(Cluster, Node).

:- catalogue(cluster_voter_seen(cluster:atom, node:atom, up:boolean),
             [ kind(derived), doc("Node has a vote in Cluster and was seen up (true) or down (false)."),
               say(["which voters were seen up or down?", "which voters of {cluster} were seen, and how?",
                    "was {node} seen as a voter?"]) ]).

cluster_voter_seen(Cluster, Node, true) :-
    cluster_voter(Cluster, Node),
    node_up(Node, true).
cluster_voter_seen(Cluster, Node, false) :-
    cluster_voter(Cluster, Node),
    node_up(Node, false).

:- catalogue(cluster_votes(cluster:atom, up:integer, total:integer),
             [ kind(derived), lemma(true),
               doc("Cluster has Total votes, Up of them by nodes that are up."),
               say(["how many votes does each cluster have?", "how many votes of {cluster} are up?",
                    "which clusters have {up} votes up?", "which clusters have {total} votes?"]) ]).

cluster_votes(Cluster, Up, Total) :-
    cluster(Cluster),
    aggregate_all(count, cluster_voter(Cluster, _), Total),
    aggregate_all(count, cluster_voter_seen(Cluster, _, true), Up).

:- catalogue(quorum_margin(cluster:atom, margin:integer),
             [ kind(derived), lemma(true),
               doc("Cluster may still lose Margin votes before it loses quorum. Negative when it has; unknown is \c
                    not up."),
               say(["how many votes can each cluster still lose?",
                    "how many votes can {cluster} lose before its quorum is gone?",
                    "which clusters have a quorum margin of {margin}?"]) ]).

quorum_margin(Cluster, Margin) :-
    cluster_votes(Cluster, Up, Total),
    Margin is Up - (Total // 2 + 1).

:- catalogue(quorum_margin_at_best(cluster:atom, margin:integer),
             [ kind(derived), lemma(true),
               doc("Cluster might still lose Margin votes before it loses quorum, if every node that is unknown \c
                    were up."),
               say(["what would the quorum margins be if all unknown nodes were up?",
                    "how many votes could {cluster} lose at best?",
                    "which clusters have a quorum margin of {margin} at best?"]) ]).

quorum_margin_at_best(Cluster, Margin) :-
    cluster_votes(Cluster, _, Total),
    aggregate_all(count, cluster_voter_seen(Cluster, _, false), Down),
    Margin is Total - Down - (Total // 2 + 1).

:- catalogue(has_quorum(cluster:atom),
             [ kind(derived), doc("Cluster has quorum. More than half of its votes are up."),
               say(["which clusters have quorum?", "does {cluster} have quorum?", "is {cluster} quorate?"]) ]).

has_quorum(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin >= 0.

:- catalogue(one_failure_loses_quorum(cluster:atom),
             [ kind(derived), doc("Cluster has quorum, and one more failure loses it."),
               say(["which clusters are one failure away from losing quorum?",
                    "would one more failure cost {cluster} its quorum?",
                    "is {cluster} down to its last spare vote?"]) ]).

one_failure_loses_quorum(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin =:= 0.

:- catalogue(quorum_at_risk(cluster:atom),
             [ kind(derived), doc("One more failure loses Cluster its quorum, or it is lost already."),
               say(["which clusters are in danger of losing quorum?", "is the quorum of {cluster} at risk?",
                    "is quorum at risk anywhere?"]) ]).

quorum_at_risk(Cluster) :-
    quorum_margin(Cluster, Margin),
    Margin =< 0.

                %   What a failure takes down.

:- catalogue(lost_with(node:atom, what:oneof([vm,dependent,quorum]), lost:atom),
             [ kind(derived),
               doc("If Node failed now, Lost would go with it (What). A VM placed there, a unit that needs it, a \c
                    quorum."),
               say(["what would be lost with each node?", "what goes down if {node} fails?",
                    "whose failure would take {lost} down?", "which {what} would be lost if {node} died?"]) ]).

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
               doc("The logic node breaks the rule Rule with Subject. It is a member of that cluster, or a VM on \c
                    it; or it needs Subject, which boots late."),
               say(["does the logic node break any rule?", "which rule does the logic node break with {subject}?",
                    "with what does the logic node break the rule {rule}?"]) ]).

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
