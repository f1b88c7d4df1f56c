/** <module> What is measured inside Prolog, without any wire

    $ swipl prolog.pl -- scale        one JSON object a line: {"question":..,"size":..,"micros":..}
    $ swipl prolog.pl -- proof

`scale` fills the site's module with ever larger fleets of nodes, ten virtual machines each, and asks the same questions of
each. `proof` asks the same question with and without proofs, in turns. CPU time; each sample is the mean of many runs.
*/

:- module(bench, []).
:- use_module(library(main)).
:- use_module(library(lists)).
:- use_module(library(http/json)).
:- use_module('../../kb/main').

:- initialization(main, main).

main(Argv) :-
    last(Argv, What),
    measure(What),
    halt.

question_time(1700000000000).

measure(scale) :-
    forall(member(Nodes, [10,100,1000]),
           ( fill(Nodes),
             forall(bound_question(Name, Goal, Vars), report(Name, Nodes, Goal, Vars, none)),
             forall(open_question(Name, Goal, Vars), report_each(Name, Nodes, Goal, Vars)) )).
measure(proof) :-
    fill(100),
    forall(member(_, [1,2,3,4,5,6,7,8,9]),
           forall(proof_question(Name, Goal, Vars),
                  ( report(Name, plain, Goal, Vars, none),
                    report(Name, proved, Goal, Vars, _) ))).

%   The fifth node of every size, and a machine of it: as many answers whatever the size.
bound_question(node_status, node_status(n5,S), [S]).
bound_question(vm_on, vm_on(n5,V,M), [V,M]).
bound_question(memory_free, memory_free(n5,F), [F]).
bound_question(can_host, can_host(n6,vm51), []).
bound_question(vm_host_of, vm_host(vm51,N), [N]).
bound_question(at_risk, at_risk_of_throttling(n5), []).

open_question(node_status, node_status(N,S), [N,S]).
open_question(vm_on, vm_on(N,V,M), [N,V,M]).
open_question(memory_free, memory_free(N,F), [N,F]).
open_question(throttling_headroom, thermal_headroom(N,H), [N,H]).

proof_question(at_risk, at_risk_of_throttling(N), [N]).
proof_question(node_status, node_status(N,S), [N,S]).
proof_question(memory_free, memory_free(N,F), [N,F]).

report(Name, Size, Goal, Vars, Proof) :-
    micros(Goal, Vars, Proof, Micros, Answers),
    print_line(Name, bound, Size, Micros, Answers).

report_each(Name, Size, Goal, Vars) :-
    micros(Goal, Vars, none, Micros, Answers),
    Each is Micros/Answers,
    print_line(Name, open, Size, Each, Answers).

print_line(Name, Kind, Size, Micros, Answers) :-
    json_write_dict(current_output, _{question:Name, kind:Kind, size:Size, micros:Micros, answers:Answers}, [width(0)]),
    nl,
    flush_output.

%   CPU microseconds of one run, from as many runs as take 0.2 s.
micros(Goal, Vars, Proof, Micros, Answers) :-
    prove:question(Goal, Vars, Proof, Question),
    question_time(Now),
    prove:answers(Question, site, Now, First),
    length(First, Answers),
    statistics(cputime, Begin),
    End is Begin+0.2,
    runs_until(End, Question, Now, 0, Runs),
    statistics(cputime, Ended),
    Micros is (Ended-Begin)*1000000/Runs.

runs_until(End, Question, Now, Runs0, Runs) :-
    \+ \+ prove:answers(Question, site, Now, _),
    Runs1 is Runs0+1,
    statistics(cputime, At),
    (   At >= End
    ->  Runs = Runs1
    ;   runs_until(End, Question, Now, Runs1, Runs)
    ).

%   A fleet of Nodes nodes of one class, all up, and ten machines on each.
fill(Nodes) :-
    facts:open_site(site),
    forall(facts:entry_kind_arity(Name, Arity, Kind), clear(Kind, Name, Arity)),
    forall(between(1, Nodes, I), fill_node(I)).

clear(state, Name, Arity) :- !, Stored is Arity+3, functor(Head, Name, Stored), retractall(site:Head).
clear(inventory, Name, Arity) :- !, functor(Head, Name, Arity), retractall(site:Head).
clear(_, _, _).

fill_node(I) :-
    atom_concat(n, I, Node),
    Temp is 40.0 + I mod 60,
    forall(member(Fact, [node(Node), node_class(Node, nuc), node_memory(Node, 65536), node_cores(Node, 16)]), put(Fact, inventory)),
    forall(member(Fact, [node_up(Node, true), node_temp(Node, Temp), node_load(Node, 0.5)]), put(Fact, state)),
    forall(between(1, 10, J), fill_vm(I, J, Node)).

fill_vm(I, J, Node) :-
    N is I*10+J,
    atom_concat(vm, N, Vm),
    forall(member(Fact, [vm(Vm), vm_memory(Vm, 4096), vm_cores(Vm, 1)]), put(Fact, inventory)),
    forall(member(Fact, [vm_host(Vm, Node), vm_state(Vm, running)]), put(Fact, state)).

%   A predicate that this knowledge base does not have is left out.
put(Fact, Kind) :-
    functor(Fact, Name, Arity),
    (   catalogue:entry_kind(Name, Arity, Kind)
    ->  evidence(Kind, Evidence),
        facts:put_fact(site, Fact, Evidence)
    ;   true
    ).

evidence(inventory, inventory).
evidence(state, evidence(bench, Now, Until)) :- question_time(Now), Until is Now+60000.
