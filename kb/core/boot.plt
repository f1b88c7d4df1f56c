:- use_module('../test/world').
:- use_module(library(lists)).
:- use_module(library(apply)).

/** <tests> What boots first. Every answer's proof is checked on the way. */

:- begin_tests(boot).

test(levels_of_a_homelab, As == [boot_level(app,4), boot_level(db,3), boot_level(nas,1), boot_level(pve,2), boot_level(switch,0)]) :-
    homelab(Facts),
    world(Facts, W),
    proved(W, 1500000, boot_level(_,_), As).
test(the_same_while_every_node_is_down, As == Bs) :-
    homelab(Facts),
    world([node_up(switch,false), node_up(nas,false), node_up(pve,false)|Facts], W1),
    world([stale(node_up(switch,true)), stale(vm_host(app,nas))|Facts], W2),
    proved(W1, 1500000, boot_level(_,_), As),
    proved(W2, 1500000, boot_level(_,_), Bs),
    length(As, 5).
test(a_machine_boots_where_telemetry_says_it_is, As == [needs(v,b)]) :-
    world([node(a), node(b), vm(v), vm_home(v,a), vm_host(v,b)], W),
    proved(W, 1500000, needs(_,_), As).
test(a_tie_is_one_level, As == [boot_level(a,0), boot_level(b,0), boot_level(v,1), boot_level(w,1)]) :-
    world([node(a), node(b), vm(v), vm(w), vm_home(v,a), vm_home(w,b)], W),
    proved(W, 1500000, boot_level(_,_), As).
test(the_longest_way_counts, As == [boot_level(v,2)]) :-
    world([node(a), vm(u), vm(v), depends_on(v,a), depends_on(v,u), depends_on(u,a)], W),
    proved(W, 1500000, boot_level(v,_), As).
test(without_units_there_is_no_order, As == []) :-
    world([], W),
    proved(W, 1500000, boot_level(_,_), As).
test(a_need_that_is_no_unit_is_named_and_blocks_nothing, As-Bs == [unknown_need(v,ghost)]-[boot_level(v,0)]) :-
    world([vm(v), depends_on(v,ghost)], W),
    proved(W, 1500000, unknown_need(_,_), As),
    proved(W, 1500000, boot_level(_,_), Bs).

test(the_one_root, As == [clear_boot_root(switch)]) :-
    homelab(Facts),
    world(Facts, W),
    proved(W, 1500000, clear_boot_root(_), As).
test(two_roots_are_no_clear_one, As-Bs == []-[boot_root(a), boot_root(b)]) :-
    world([node(a), node(b), node(lonely), vm(v), depends_on(v,a), depends_on(v,b)], W),
    proved(W, 1500000, clear_boot_root(_), As),
    proved(W, 1500000, boot_root(_), Bs).

test(a_cycle_is_named_edge_by_edge, As == [boot_cycle(a,b), boot_cycle(b,c), boot_cycle(c,a)]) :-
    world([node(a), node(b), node(c), node(d), node(e), depends_on(a,b), depends_on(b,c), depends_on(c,a), depends_on(d,a), depends_on(c,e)], W),
    proved(W, 1500000, boot_cycle(_,_), As).
test(what_waits_for_a_cycle_is_blocked_and_the_rest_is_ordered,
     As-Bs == [boot_blocked(a), boot_blocked(b), boot_blocked(d)]-[boot_level(e,0), boot_level(f,1)]) :-
    world([node(a), node(b), node(d), node(e), node(f), depends_on(a,b), depends_on(b,a), depends_on(d,a), depends_on(f,e), depends_on(b,e)], W),
    proved(W, 1500000, boot_blocked(_), As),
    proved(W, 1500000, boot_level(_,_), Bs).
test(what_lies_between_two_cycles_is_on_none, As == [boot_cycle(a,b), boot_cycle(b,a), boot_cycle(x,y), boot_cycle(y,x)]) :-
    world([node(a), node(b), node(m), node(x), node(y), depends_on(a,b), depends_on(b,a), depends_on(a,m), depends_on(m,x), depends_on(x,y), depends_on(y,x)], W),
    proved(W, 1500000, boot_cycle(_,_), As).
test(a_unit_that_needs_itself, As == [boot_cycle(a,a)]) :-
    world([node(a), depends_on(a,a)], W),
    proved(W, 1500000, boot_cycle(_,_), As).
test(a_machine_that_its_own_node_needs, As == [boot_cycle(a,dns), boot_cycle(dns,a)]) :-
    world([node(a), vm(dns), vm_host(dns,a), depends_on(a,dns)], W),
    proved(W, 1500000, boot_cycle(_,_), As).
test(thirty_one_levels_are_ordered_and_the_next_is_blocked, As-Bs-Cs == [boot_level(u31,31)]-[boot_blocked(u32)]-[]) :-
    chain(32, Facts),
    world(Facts, W),
    proved(W, 1500000, boot_level(u31,_), As),
    proved(W, 1500000, boot_blocked(_), Bs),
    proved(W, 1500000, boot_cycle(_,_), Cs).

test(every_unit_is_above_what_it_needs_whatever_the_graph, Wrong == []) :-
    findall(S-U-V, ( between(1, 25, S), some_graph(S, W),
                     proved(W, 1500000, (needs(U0,V0), boot_level(U0,_), boot_level(V0,_)), As),
                     member((needs(U,V), boot_level(U,L), boot_level(V,M)), As), L =< M ), Wrong).
test(blocked_or_ordered_and_never_both, Wrong == []) :-
    findall(S, ( between(1, 25, S), some_graph(S, W),
                 proved(W, 1500000, boot_blocked(_), Bs), proved(W, 1500000, boot_level(_,_), Ls),
                 findall(U, ( member(boot_blocked(U), Bs) ; member(boot_level(U,_), Ls) ), Us),
                 \+ msort(Us, [a,b,c,d,e,f]) ), Wrong).
test(a_cycle_is_named_where_there_is_one, Wrong == []) :-
    findall(S, ( between(1, 25, S), some_graph(S, W),
                 proved(W, 1500000, boot_blocked(_), Bs), proved(W, 1500000, boot_cycle(_,_), Cs),
                 ( Bs == [] -> Cs \== [] ; Cs == [] ) ), Wrong).

test(the_closure_from_both_ends, As-Bs == [needs_deep(app,db), needs_deep(app,nas), needs_deep(app,pve), needs_deep(app,switch)]-
                                          [needed_by(nas,app), needed_by(nas,db), needed_by(nas,pve)]) :-
    homelab(Facts),
    world(Facts, W),
    proved(W, 1500000, needs_deep(app,_), As),
    proved(W, 1500000, needed_by(nas,_), Bs).

test(configured_before_what_it_needs_or_together_with_it, As == [starts_too_early(u,a), starts_too_early(v,a)]) :-
    world([node(a), vm(u), vm(v), vm(w), start_order(a,2), start_order(u,1), start_order(v,2), start_order(w,3),
           depends_on(u,a), depends_on(v,a), depends_on(w,a)], W),
    proved(W, 1500000, starts_too_early(_,_), As).
test(ready_is_what_waits_for_nothing, As-Bs == [ready_to_boot(nas)]-[waits_for(app,db), waits_for(app,pve), waits_for(db,pve), waits_for(pve,nas)]) :-
    homelab(Facts),
    world([node_up(switch,true), node_up(nas,false)|Facts], W),
    proved(W, 1500000, ready_to_boot(_), As),
    proved(W, 1500000, waits_for(_,_), Bs).
test(a_layered_graph_is_not_walked_path_by_path) :-
    layers(12, 8, Facts),
    world(Facts, W),
    statistics(inferences, Before),
    proved(W, 1500000, boot_level(u_12_8,_), [boot_level(u_12_8,11)]),
    statistics(inferences, After),
    After-Before < 2_000_000.

homelab([node(switch), node(nas), node(pve), vm(db), vm(app), depends_on(nas,switch), depends_on(pve,nas), depends_on(pve,switch),
         vm_home(db,pve), vm_home(app,pve), depends_on(app,db)]).

chain(N, Facts) :-
    findall(Fact, ( between(0, N, I), atom_concat(u, I, U),
                    ( Fact = node(U) ; I > 0, J is I-1, atom_concat(u, J, V), Fact = depends_on(U,V) ) ), Facts).

%   Graphs of six nodes, the same for the same seed.
some_graph(Seed, W) :-
    Units = [a,b,c,d,e,f],
    findall(node(U), member(U, Units), Nodes),
    findall(depends_on(U,V), ( nth0(I, Units, U), nth0(J, Units, V), (Seed*7919+I*104729+J*1299709) mod 101 mod 6 =:= 0 ), Edges),
    append(Nodes, Edges, Facts),
    world(Facts, W).

:- end_tests(boot).
