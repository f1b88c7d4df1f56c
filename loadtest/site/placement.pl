/** <module> Placing 200 machines on 20 nodes: kb/search against naive labelling

    $ swipl placement.pl -- measure     one JSON object a line: {"what":..,"millis":..,"inferences":..,"result":..}

The same problem for both: 20 nodes, 200 virtual machines, memory, cores and disk about 70 % given out, 20 pairs kept apart. `found`
searches all three resources and is certified by the core rules; `naive` is what one writes first, and for memory alone:
for each node the sum of reified booleans is below what it has, then labelling([ff]). `twin` is the infeasible twin: 21 of the
machines must all be apart, which no sum shows; it ends with its limit named. CPU time.
*/

:- module(placement_bench, []).
:- use_module(library(main)).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(clpfd)).
:- use_module(library(http/json)).
:- use_module('../../kb/main').
:- use_module('../../kb/search/placement').

:- initialization(main, main).

main(_) :-
    facts:open_site(pool),
    fill(pool),
    findall(Vm, vm_of(_, Vm), Vms),
    forall(between(1, 5, _),
           ( measured(found, placed(pool, Vms, [])),
             measured(naive, naive(pool, Vms)) )),
    forall(pigeon(Fact), facts:put_fact(pool, Fact, inventory)),
    measured(twin, placed(pool, Vms, [inferences(20_000_000), seconds(60)])).

now(1500000).

placed(Site, Vms, Options) :-
    now(Now),
    place_at(at(Site, Now), Vms, Placement, Options),
    length(Placement, 200).

measured(What, Goal) :-
    statistics(cputime, Begin),
    statistics(inferences, Before),
    catch(( call(Goal) -> Result = ok ; Result = none ), error(logic(Code, Message), _), ( Result = Code, note(Message) )),
    statistics(inferences, After),
    statistics(cputime, End),
    Millis is (End-Begin)*1000,
    Inferences is After-Before,
    json_write_dict(current_output, _{what:What, millis:Millis, inferences:Inferences, result:Result}, [width(0)]),
    nl,
    flush_output.

note(Message) :- writeln(user_error, Message).

                /*******************************
                *      naive                   *
                *******************************/

naive(Site, Vms) :-
    length(Vms, Count),
    length(Places, Count),
    Places ins 1..20,
    maplist(memory_of(Site), Vms, Sizes),
    forall_node(20, Site, Places, Sizes),
    findall(I-J, ( Site:keep_apart(A, B), nth1(I, Vms, A), nth1(J, Vms, B) ), Pairs),
    maplist(different(Places), Pairs),
    labeling([ff], Places).

memory_of(Site, Vm, Size) :- Site:vm_memory(Vm, Size).

forall_node(0, _, _, _) :- !.
forall_node(I, Site, Places, Sizes) :-
    node_name(I, Node),
    Site:node_memory(Node, Room),
    maplist(is_at(I), Places, Here),
    scalar_product(Sizes, Here, #=<, Room),
    I1 is I-1,
    forall_node(I1, Site, Places, Sizes).

is_at(I, Place, Here) :- Here #<==> (Place #= I).

different(Places, I-J) :-
    nth1(I, Places, A),
    nth1(J, Places, B),
    A #\= B.

                /*******************************
                *      the problem             *
                *******************************/

node_name(I, Node) :- atom_concat(n, I, Node).

vm_of(I, Vm) :- between(1, 200, I), atom_concat(vm, I, Vm).

%   Sizes that do not divide evenly, the same on every machine.
fill(Site) :-
    forall(between(1, 20, I),
           ( node_name(I, Node),
             put_all(Site, [node(Node), node_memory(Node,65536), node_cores(Node,16), node_disk(Node,2000000)], inventory),
             put_all(Site, [node_up(Node,true)], evidence(bench,1000000,2000000)) )),
    forall(vm_of(I, Vm),
           ( Memory is 1024 * (1 + I*7 mod 8),
             Cores is 1 + I*5 mod 8,
             Disk is 1000 * (20 + I*37 mod 240),
             put_all(Site, [vm(Vm), vm_memory(Vm,Memory), vm_cores(Vm,Cores), vm_disk(Vm,Disk)], inventory) )),
    forall(( between(1, 20, I), A is I*9, B is I*9+5 ),
           ( atom_concat(vm, A, Vm), atom_concat(vm, B, Other), put_all(Site, [keep_apart(Vm,Other)], inventory) )).

put_all(Site, Facts, Evidence) :-
    forall(member(Fact, Facts), ( facts:check_fact(Fact, _), facts:put_fact(Site, Fact, Evidence) )).

pigeon(keep_apart(Vm, Other)) :-
    between(1, 21, I),
    between(1, 21, J),
    I < J,
    vm_of(I, Vm),
    vm_of(J, Other).
