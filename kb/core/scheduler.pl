%   What runs where, and what may.

:- catalogue(node_memory(node:atom, memory:integer),
             [ kind(inventory), unit(2, mebibyte), doc("Node has Memory for virtual machines.") ]).
:- catalogue(vm(vm:atom),
             [ kind(inventory), doc("Vm is a virtual machine of this site.") ]).
:- catalogue(vm_memory(vm:atom, memory:integer),
             [ kind(inventory), unit(2, mebibyte), doc("Vm is given Memory.") ]).

:- catalogue(node_load(node:atom, load:float),
             [ kind(state), key([1]), unit(2, load_per_core),
               doc("One-minute load of Node divided by its cores.") ]).
:- catalogue(node_memory_available(node:atom, memory:integer),
             [ kind(state), key([1]), unit(2, mebibyte), doc("Memory that Node's kernel can still give out.") ]).
:- catalogue(node_disk_available(node:atom, mount:atom, space:integer),
             [ kind(state), key([1,2]), unit(3, mebibyte), doc("Space left on Node's file system at Mount.") ]).
:- catalogue(vm_host(vm:atom, node:atom),
             [ kind(state), key([1]), doc("Vm is placed on Node.") ]).
:- catalogue(vm_state(vm:atom, state:oneof([running,stopped,paused])),
             [ kind(state), key([1]), doc("The state of Vm.") ]).

:- catalogue(vm_on(node:atom, vm:atom, memory:integer),
             [ kind(derived), unit(3, mebibyte), doc("Vm is placed on Node and takes Memory there.") ]).

vm_on(Node, Vm, Memory) :-
    vm_host(Vm, Node),
    vm_memory(Vm, Memory).

:- catalogue(memory_free(node:atom, free:integer),
             [ kind(derived), unit(2, mebibyte),
               doc("Memory of Node that is not given to a virtual machine; negative when overcommitted.") ]).

memory_free(Node, Free) :-
    node_memory(Node, Total),
    aggregate_all(sum(Memory), vm_on(Node, _, Memory), Used),
    Free is Total - Used.

:- catalogue(overcommitted(node:atom),
             [ kind(derived), doc("The virtual machines of Node were given more memory than it has.") ]).

overcommitted(Node) :-
    memory_free(Node, Free),
    Free < 0.

:- catalogue(can_host(node:atom, vm:atom),
             [ kind(derived), doc("Node is up, does not run Vm yet, and has memory for it.") ]).

can_host(Node, Vm) :-
    vm_memory(Vm, Memory),
    node_status(Node, up),
    \+ vm_host(Vm, Node),
    memory_free(Node, Free),
    Memory =< Free.

:- catalogue(vm_at_risk(vm:atom, node:atom),
             [ kind(derived), doc("Vm is placed on Node, which is down, unknown, or about to throttle.") ]).

vm_at_risk(Vm, Node) :-
    vm_host(Vm, Node),
    node_status(Node, down).
vm_at_risk(Vm, Node) :-
    vm_host(Vm, Node),
    node_status(Node, unknown).
vm_at_risk(Vm, Node) :-
    vm_host(Vm, Node),
    at_risk_of_throttling(Node).
