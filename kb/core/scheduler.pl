%   What runs where, what may, and why not.
%
%   Three resources: memory, virtual cores and disk. Memory must be declared; cores and disk limit only where both the
%   node and the VM declare them (a node without node_disk/2 keeps its machines' disks elsewhere, on Ceph or a NAS). A
%   placement for many machines at once is searched outside (kb/search) and certified here: well_placed/2.

:- catalogue(node_memory(node:atom, memory:integer),
             [ kind(inventory), unit(2, mebibyte), doc("Node has Memory for virtual machines."),
               say(["how much memory does each node have for VMs?", "how much memory does {node} have for VMs?",
                    "which nodes have {memory} of memory for VMs?"]) ]).
:- catalogue(node_cores(node:atom, cores:integer),
             [ kind(inventory), doc("Node has Cores processor cores."),
               say(["how many cores does each node have?", "how many cores does {node} have?",
                    "which nodes have {cores} cores?"]) ]).
:- catalogue(node_disk(node:atom, space:integer),
             [ kind(inventory), unit(2, mebibyte), doc("Node has Space for the disks of virtual machines."),
               say(["how much disk does each node have for VMs?", "how much disk does {node} have for VMs?",
                    "which nodes have {space} of disk for VMs?"]) ]).
:- catalogue(vm(vm:atom),
             [ kind(inventory), doc("Vm is a virtual machine of this site."),
               say(["which VMs are there?", "what virtual machines does this site have?",
                    "is {vm} a VM of this site?"]) ]).
:- catalogue(vm_memory(vm:atom, memory:integer),
             [ kind(inventory), unit(2, mebibyte), doc("Vm is given Memory."),
               say(["how much memory is each VM given?", "how much memory is {vm} given?",
                    "which VMs are given {memory} of memory?"]) ]).
:- catalogue(vm_cores(vm:atom, cores:integer),
             [ kind(inventory), doc("Vm is given Cores virtual cores."),
               say(["how many cores is each VM given?", "how many cores does {vm} have?",
                    "which VMs have {cores} virtual cores?"]) ]).
:- catalogue(vm_disk(vm:atom, space:integer),
             [ kind(inventory), unit(2, mebibyte), doc("The disks of Vm take Space on the node that it runs on."),
               say(["how much disk does each VM take?", "how much disk does {vm} take?",
                    "which VMs take {space} of disk?"]) ]).
:- catalogue(keep_together(vm:atom, other:atom),
             [ kind(inventory), doc("Vm and Other are declared to run on one node. Affinity."),
               say(["which VMs are declared to stay together?", "with which VM is {vm} declared to stay?",
                    "which VM is declared to stay with {other}?"]) ]).
:- catalogue(keep_apart(vm:atom, other:atom),
             [ kind(inventory), doc("Vm and Other are declared to run on different nodes. Anti-affinity."),
               say(["which VMs are declared to stay apart?", "from which VM is {vm} declared to stay apart?",
                    "which VM is declared to stay apart from {other}?"]) ]).
:- catalogue(pinned(vm:atom, node:atom),
             [ kind(inventory),
               doc("Vm is pinned to Node. It runs there, or on another node that it is pinned to, and nowhere \c
                    else: a card or disk is there."),
               say(["which VMs are pinned, and where?", "where is {vm} pinned?",
                    "which VMs are pinned to {node}?"]) ]).

:- catalogue(node_load(node:atom, load:float),
             [ kind(state), key([1]), unit(2, load_per_core),
               doc("The load of Node, for each of its cores, is Load. It is the one-minute load."),
               say(["what is the load of every node?", "how busy is {node}?", "what is the load on {node}?"]) ]).
:- catalogue(node_memory_available(node:atom, memory:integer),
             [ kind(state), key([1]), unit(2, mebibyte),
               doc("The memory that the kernel of Node can still give out is Memory."),
               say(["how much memory is available on each node?", "how much memory is available on {node}?",
                    "how much RAM can {node} still give out?"]) ]).
:- catalogue(node_disk_available(node:atom, mount:atom, space:integer),
             [ kind(state), key([1,2]), unit(3, mebibyte), doc("Space is left on Node's file system at Mount."),
               say(["how much disk space is left on each node?", "how much disk space is left on {node}?",
                    "how much space is left on {mount} of {node}?", "how much is left on {mount} of each node?"]) ]).
:- catalogue(node_maintenance(node:atom, maintenance:boolean),
             [ kind(state), key([1]),
               doc("Node is in maintenance (true) or in use (false). In maintenance, what runs there stays, \c
                    nothing new comes."),
               say(["what is the maintenance state of every node?", "is {node} in maintenance?",
                    "is {node} being worked on?"]) ]).
:- catalogue(vm_host(vm:atom, node:atom),
             [ kind(state), key([1]), doc("Vm is placed on Node."),
               say(["where does each VM run?", "where does {vm} run?", "which VMs are on {node}?",
                    "is {vm} on {node}?"]) ]).
:- catalogue(vm_state(vm:atom, state:oneof([running,stopped,paused])),
             [ kind(state), key([1]), doc("The state of Vm is State."),
               say(["what state are the VMs in?", "what is the state of {vm}?", "which VMs are {state}?",
                    "is {vm} {state}?"]) ]).

:- catalogue(vm_on(node:atom, vm:atom, memory:integer),
             [ kind(derived), unit(3, mebibyte), doc("Vm is placed on Node and takes Memory there."),
               say(["which VMs are where, and with how much memory?",
                    "which VMs are on {node}, and how much memory do they take?",
                    "how much memory does {vm} take where it is placed?"]) ]).

vm_on(Node, Vm, Memory) :-
    vm_host(Vm, Node),
    vm_memory(Vm, Memory).

:- catalogue(memory_free(node:atom, free:integer),
             [ kind(derived), unit(2, mebibyte),
               doc("Free of Node's memory is not given to a virtual machine. Negative when overcommitted."),
               say(["how much memory is free on each node?", "how much memory is free on {node}?",
                    "how much memory of {node} is not given to a VM?"]) ]).

memory_free(Node, Free) :-
    node_memory(Node, Total),
    aggregate_all(sum(Memory), vm_on(Node, _, Memory), Used),
    Free is Total - Used.

:- catalogue(overcommitted(node:atom),
             [ kind(derived), doc("The virtual machines of Node were given more memory than it has."),
               say(["which nodes are overcommitted?", "is {node} overcommitted?",
                    "does {node} have less memory than its VMs were given?"]) ]).

overcommitted(Node) :-
    memory_free(Node, Free),
    Free < 0.

                %   The three resources, alike.

:- catalogue(vcpus_per_core(vcpus:integer),
             [ kind(derived), doc("A processor core carries up to Vcpus virtual cores."),
               say(["how many virtual cores does a core carry?", "how many vCPUs go on one core?",
                    "what is the limit for overcommitting cores?"]) ]).

vcpus_per_core(4).

:- catalogue(node_capacity(node:atom, resource:oneof([memory,cores,disk]), capacity:integer),
             [ kind(derived),
               doc("The capacity of Node in Resource, for virtual machines, is Capacity. In MiB, or virtual \c
                    cores."),
               say(["what is the capacity of each node?", "what capacity does {node} have?",
                    "what is the {resource} capacity of {node}?",
                    "what is the {resource} capacity of each node?"]) ]).

node_capacity(Node, memory, Capacity) :-
    node_memory(Node, Capacity).
node_capacity(Node, cores, Capacity) :-
    node_cores(Node, Cores),
    vcpus_per_core(Vcpus),
    Capacity is Cores * Vcpus.
node_capacity(Node, disk, Capacity) :-
    node_disk(Node, Capacity).

:- catalogue(vm_demand(vm:atom, resource:oneof([memory,cores,disk]), demand:integer),
             [ kind(derived),
               doc("The demand of Vm in Resource, wherever it is placed, is Demand. In MiB, or virtual cores."),
               say(["what does each VM demand?", "what does {vm} demand?", "what is the {resource} demand of {vm}?",
                    "what is the {resource} demand of each VM?"]) ]).

vm_demand(Vm, memory, Demand) :-
    vm_memory(Vm, Demand).
vm_demand(Vm, cores, Demand) :-
    vm_cores(Vm, Demand).
vm_demand(Vm, disk, Demand) :-
    vm_disk(Vm, Demand).

:- catalogue(vm_takes(node:atom, vm:atom, resource:oneof([memory,cores,disk]), demand:integer),
             [ kind(derived), doc("Vm is placed on Node, and its demand in Resource there is Demand."),
               say(["what does each VM take on its node?", "what do the VMs on {node} take?",
                    "what does {vm} take where it is placed?", "what {resource} do the VMs on {node} take?"]) ]).

vm_takes(Node, Vm, Resource, Demand) :-
    vm_host(Vm, Node),
    vm_demand(Vm, Resource, Demand).

:- catalogue(resource_free(node:atom, resource:oneof([memory,cores,disk]), free:integer),
             [ kind(derived), lemma(true),
               doc("Free of Node's Resource is not given to a virtual machine. Negative when it was given twice."),
               say(["what is free on each node?", "what does {node} have left?",
                    "what is left of {resource} on {node}?", "which nodes have {resource} left?"]) ]).

resource_free(Node, Resource, Free) :-
    node_capacity(Node, Resource, Capacity),
    aggregate_all(sum(Demand), vm_takes(Node, _, Resource, Demand), Used),
    Free is Capacity - Used.

:- catalogue(lacks_room(node:atom, vm:atom, resource:oneof([memory,cores,disk])),
             [ kind(derived), doc("Vm would need more of Resource than Node has left."),
               say(["which VMs lack room on which nodes?", "what would {vm} lack on {node}?",
                    "which nodes have too little {resource} for {vm}?", "which VMs lack room on {node}?"]) ]).

lacks_room(Node, Vm, Resource) :-
    vm_demand(Vm, Resource, Demand),
    resource_free(Node, Resource, Free),
    Demand > Free.

:- catalogue(overloaded(node:atom, what:oneof([memory,cores,disk,load])),
             [ kind(derived),
               doc("Node is overloaded in What. More of it was given out than Node has, or its load is above one \c
                    for each core."),
               say(["which nodes are overloaded?", "is {node} overloaded?",
                    "which nodes are overloaded in {what}?"]) ]).

overloaded(Node, Resource) :-
    resource_free(Node, Resource, Free),
    Free < 0.
overloaded(Node, load) :-
    node_load(Node, Load),
    Load > 1.0.

                %   Who must be together, apart, or in one place.

:- catalogue(together(vm:atom, other:atom),
             [ kind(derived),
               doc("Vm and Other belong together on one node. Whichever way round that was declared."),
               say(["which VMs belong together?", "which VMs belong with {vm}?",
                    "must {vm} and {other} run on one node?"]) ]).

together(Vm, Other) :-
    keep_together(Vm, Other).
together(Vm, Other) :-
    keep_together(Other, Vm).

:- catalogue(apart(vm:atom, other:atom),
             [ kind(derived),
               doc("Vm and Other must run on different nodes. Whichever way round that was declared."),
               say(["which VMs must run apart?", "from which VMs must {vm} be apart?",
                    "must {vm} and {other} run on different nodes?"]) ]).

apart(Vm, Other) :-
    keep_apart(Vm, Other),
    Vm \== Other.
apart(Vm, Other) :-
    keep_apart(Other, Vm),
    Vm \== Other.

:- catalogue(must_join(vm:atom, other:atom, node:atom),
             [ kind(derived), doc("Vm belongs with Other, which is placed on Node."),
               say(["which VMs must join which others, and where?", "where must {vm} join another VM?",
                    "which VMs belong with one on {node}?", "where must {vm} be to join {other}?"]) ]).

must_join(Vm, Other, Node) :-
    together(Vm, Other),
    vm_host(Other, Node).

:- catalogue(must_avoid(vm:atom, other:atom, node:atom),
             [ kind(derived), doc("Vm is kept apart from Other, which is placed on Node."),
               say(["which nodes must each VM avoid because of another VM?",
                    "which nodes must {vm} avoid because of another VM?",
                    "which VMs must avoid {node} because of another?",
                    "because of which VM must {vm} avoid {node}?"]) ]).

must_avoid(Vm, Other, Node) :-
    apart(Vm, Other),
    vm_host(Other, Node).

:- catalogue(separated(vm:atom, node:atom),
             [ kind(derived), doc("Vm belongs with a machine that is placed elsewhere than on Node. Give Node."),
               say(["which VMs would be separated from their partners, and where?",
                    "which VMs have a partner elsewhere than on {node}?",
                    "would {vm} be separated from its partner on {node}?"]) ]).

separated(Vm, Node) :-
    node(Node),
    must_join(Vm, _, Elsewhere),
    Elsewhere \== Node.

:- catalogue(pinned_elsewhere(vm:atom, node:atom),
             [ kind(derived), doc("Vm is pinned, and not to Node. Give Node."),
               say(["which VMs are pinned elsewhere than on which node?",
                    "which VMs are pinned elsewhere than on {node}?", "is {vm} pinned elsewhere than on {node}?"]) ]).

pinned_elsewhere(Vm, Node) :-
    node(Node),
    pinned(Vm, _),
    \+ pinned(Vm, Node).

                %   What can run where, and why not: for each node and VM either can_host/2 or a reason.

:- catalogue(can_host(node:atom, vm:atom),
             [ kind(derived),
               doc("Vm could be moved to Node. It is up and not in maintenance, has room, and no affinity or pin \c
                    forbids it."),
               say(["which nodes could take which VMs?", "where could {vm} move to?", "what could {node} take over?",
                    "could {vm} be moved to {node}?"]) ]).

can_host(Node, Vm) :-
    vm_memory(Vm, Memory),
    node_status(Node, up),
    \+ vm_host(Vm, Node),
    resource_free(Node, memory, Free),
    Memory =< Free,
    \+ node_maintenance(Node, true),
    \+ lacks_room(Node, Vm, cores),
    \+ lacks_room(Node, Vm, disk),
    \+ must_avoid(Vm, _, Node),
    \+ separated(Vm, Node),
    \+ pinned_elsewhere(Vm, Node).

:- catalogue(cannot_host(node:atom, vm:atom,
                         reason:oneof([node_down,node_unknown,maintenance,here_already,unknown_size,
                                       no_memory,no_cores,no_disk,kept_apart,kept_together,pinned_elsewhere])),
             [ kind(derived),
               doc("Vm can not be moved to Node, because of Reason. Every reason is given. Give Node or Vm."),
               say(["which VMs can not be moved where, and why?", "why can {vm} not move to {node}?",
                    "which nodes can not take {vm}, and why?", "which VMs can not move to {node}, and why?",
                    "which nodes can not take {vm} because of {reason}?"]) ]).

cannot_host(Node, Vm, node_down) :-
    vm(Vm),
    node_status(Node, down).
cannot_host(Node, Vm, node_unknown) :-
    vm(Vm),
    node_status(Node, unknown).
cannot_host(Node, Vm, maintenance) :-
    vm(Vm),
    node(Node),
    node_maintenance(Node, true).
cannot_host(Node, Vm, here_already) :-
    vm_host(Vm, Node),
    vm(Vm),
    node(Node).
cannot_host(Node, Vm, unknown_size) :-
    vm(Vm),
    node(Node),
    \+ vm_memory(Vm, _).
cannot_host(Node, Vm, unknown_size) :-
    vm(Vm),
    node(Node),
    \+ node_memory(Node, _).
cannot_host(Node, Vm, no_memory) :-
    vm(Vm),
    node(Node),
    lacks_room(Node, Vm, memory).
cannot_host(Node, Vm, no_cores) :-
    vm(Vm),
    node(Node),
    lacks_room(Node, Vm, cores).
cannot_host(Node, Vm, no_disk) :-
    vm(Vm),
    node(Node),
    lacks_room(Node, Vm, disk).
cannot_host(Node, Vm, kept_apart) :-
    vm(Vm),
    node(Node),
    must_avoid(Vm, _, Node).
cannot_host(Node, Vm, kept_together) :-
    vm(Vm),
    separated(Vm, Node).
cannot_host(Node, Vm, pinned_elsewhere) :-
    vm(Vm),
    pinned_elsewhere(Vm, Node).

                %   Moving everything off a node. All at once is a search (kb/search): these look at one machine at a time.

:- catalogue(evacuation_target(node:atom, vm:atom, to:atom),
             [ kind(derived), doc("Vm is placed on Node and could be moved to To as things are now."),
               say(["where could each VM be evacuated to?", "where could the VMs on {node} go?",
                    "where could {vm} be evacuated to?", "what could be evacuated from {node} to {to}?"]) ]).

evacuation_target(Node, Vm, To) :-
    vm_host(Vm, Node),
    can_host(To, Vm).

:- catalogue(stranded(node:atom, vm:atom),
             [ kind(derived), doc("Vm is placed on Node, and no other node could take it. It stops when Node does."),
               say(["which VMs could not go anywhere else?", "which VMs on {node} have nowhere to go?",
                    "is {vm} stranded where it is?"]) ]).

stranded(Node, Vm) :-
    vm_host(Vm, Node),
    \+ can_host(_, Vm).

                %   A placement as it stands, or as it is assumed: what is wrong with it.

:- catalogue(placement_violation(vm:atom, node:atom,
                                 reason:oneof([node_down,node_unknown,maintenance,unknown_size,
                                               no_memory,no_cores,no_disk,kept_apart,kept_together,pinned_elsewhere])),
             [ kind(derived), doc("Vm is placed on Node, although Reason speaks against it."),
               say(["which VMs are badly placed, and why?", "what is wrong with the placement of {vm}?",
                    "which VMs are badly placed on {node}, and why?",
                    "which VMs are badly placed because of {reason}?"]) ]).

placement_violation(Vm, Node, node_down) :-
    vm_host(Vm, Node),
    node_status(Node, down).
placement_violation(Vm, Node, node_unknown) :-
    vm_host(Vm, Node),
    node_status(Node, unknown).
placement_violation(Vm, Node, maintenance) :-
    vm_host(Vm, Node),
    node_maintenance(Node, true).
placement_violation(Vm, Node, unknown_size) :-
    vm_host(Vm, Node),
    \+ vm_memory(Vm, _).
placement_violation(Vm, Node, unknown_size) :-
    vm_host(Vm, Node),
    \+ node_memory(Node, _).
placement_violation(Vm, Node, no_memory) :-
    vm_host(Vm, Node),
    resource_free(Node, memory, Free),
    Free < 0.
placement_violation(Vm, Node, no_cores) :-
    vm_host(Vm, Node),
    vm_cores(Vm, _),
    resource_free(Node, cores, Free),
    Free < 0.
placement_violation(Vm, Node, no_disk) :-
    vm_host(Vm, Node),
    vm_disk(Vm, _),
    resource_free(Node, disk, Free),
    Free < 0.
placement_violation(Vm, Node, kept_apart) :-
    vm_host(Vm, Node),
    must_avoid(Vm, _, Node).
placement_violation(Vm, Node, kept_together) :-
    vm_host(Vm, Node),
    must_join(Vm, _, Elsewhere),
    Elsewhere \== Node.
placement_violation(Vm, Node, pinned_elsewhere) :-
    vm_host(Vm, Node),
    pinned(Vm, _),
    \+ pinned(Vm, Node).

:- catalogue(well_placed(vm:atom, node:atom),
             [ kind(derived),
               doc("Vm is placed on Node, which is up, and nothing speaks against it. This is what certifies a \c
                    placement."),
               say(["which VMs are well placed?", "is {vm} well placed?", "which VMs are well placed on {node}?"]) ]).

well_placed(Vm, Node) :-
    vm_host(Vm, Node),
    node_status(Node, up),
    \+ placement_violation(Vm, Node, _).

:- catalogue(unplaced_vm(vm:atom),
             [ kind(derived), doc("Where Vm is placed is not known."),
               say(["of which VMs is the place unknown?", "is the place of {vm} unknown?",
                    "which VMs have we lost track of?"]) ]).

unplaced_vm(Vm) :-
    vm(Vm),
    \+ vm_host(Vm, _).

:- catalogue(vm_at_risk(vm:atom, node:atom),
             [ kind(derived), doc("Vm is placed on Node, which is down, unknown, or about to throttle."),
               say(["which VMs are at risk?", "is {vm} at risk where it runs?",
                    "which VMs on {node} are at risk?"]) ]).

vm_at_risk(Vm, Node) :-
    vm_host(Vm, Node),
    node_status(Node, down).
vm_at_risk(Vm, Node) :-
    vm_host(Vm, Node),
    node_status(Node, unknown).
vm_at_risk(Vm, Node) :-
    vm_host(Vm, Node),
    at_risk_of_throttling(Node).
