%   What needs what, and so what boots first and stops last.
%
%   Units are nodes and virtual machines. The order comes from the inventory alone while telemetry is silent: a VM
%   whose place is unknown is taken to be at its home, so the answer is right also while every node is down.
%
%   Recursion here descends a rank, a fact of rank_below/2 at each step: it ends on every graph, cycles too. Lemmas
%   keep it polynomial: without them each path would be walked, and there are exponentially many.

:- catalogue(depends_on(unit:atom, on:atom),
             [ kind(inventory),
               doc("Unit works only while On does. Both are nodes or VMs: storage, DNS, a database."),
               say(["what depends on what?", "what does {unit} depend on?", "what depends on {on}?",
                    "does {unit} depend on {on}?"]) ]).
:- catalogue(vm_home(vm:atom, node:atom),
             [ kind(inventory),
               doc("Vm is at Node when telemetry does not say where it is, as after a power failure."),
               say(["where is each VM at home?", "what is the home of {vm}?", "which VMs are at home on {node}?"]) ]).
:- catalogue(start_order(unit:atom, order:integer),
             [ kind(inventory),
               doc("Unit is configured to start in place Order. Lower first (Proxmox: start/shutdown order)."),
               say(["in which order is everything configured to start?",
                    "what start order is configured for {unit}?",
                    "what is configured to start at order {order}?"]) ]).

:- catalogue(boot_unit(unit:atom),
             [ kind(derived), doc("Unit is a node or a virtual machine of this site."),
               say(["which units take part in the boot?", "is {unit} a node or a VM of this site?",
                    "which nodes and VMs are there?"]) ]).

boot_unit(Unit) :-
    node(Unit).
boot_unit(Unit) :-
    vm(Unit).

:- catalogue(needs(unit:atom, on:atom),
             [ kind(derived),
               doc("Unit needs On directly. It depends on it, or is a VM placed on it, or at home there if its \c
                    place is unknown."),
               say(["what needs what directly?", "what does {unit} need directly?", "what needs {on} directly?",
                    "does {unit} itself need {on}?"]) ]).

needs(Unit, On) :-
    depends_on(Unit, On).
needs(Vm, Node) :-
    vm_host(Vm, Node).
needs(Vm, Node) :-
    vm_home(Vm, Node),
    \+ vm_host(Vm, _).

:- catalogue(unknown_need(unit:atom, on:atom),
             [ kind(derived),
               doc("Unit depends on On, which is neither a node nor a VM of this site. Mend the inventory."),
               say(["which dependencies point at something that does not exist?",
                    "does {unit} depend on something that we do not have?",
                    "what depends on {on}, which is not here?"]) ]).

unknown_need(Unit, On) :-
    depends_on(Unit, On),
    \+ boot_unit(On).

                %   The rank that every recursion descends: at most 32 levels.

:- catalogue(rank_below(rank:integer, below:integer),
             [ kind(derived),
               doc("The next rank below Rank is Below. For ranks 1 to 32: how deep a graph is walked."),
               say(["which rank is below each rank?", "which rank is below {rank}?",
                    "which rank has {below} just below it?"]) ]).

rank_below(32, 31).
rank_below(31, 30).
rank_below(30, 29).
rank_below(29, 28).
rank_below(28, 27).
rank_below(27, 26).
rank_below(26, 25).
rank_below(25, 24).
rank_below(24, 23).
rank_below(23, 22).
rank_below(22, 21).
rank_below(21, 20).
rank_below(20, 19).
rank_below(19, 18).
rank_below(18, 17).
rank_below(17, 16).
rank_below(16, 15).
rank_below(15, 14).
rank_below(14, 13).
rank_below(13, 12).
rank_below(12, 11).
rank_below(11, 10).
rank_below(10, 9).
rank_below(9, 8).
rank_below(8, 7).
rank_below(7, 6).
rank_below(6, 5).
rank_below(5, 4).
rank_below(4, 3).
rank_below(3, 2).
rank_below(2, 1).
rank_below(1, 0).

:- catalogue(needs_within(unit:atom, steps:integer, on:atom),
             [ kind(derived), lemma(true), doc("Unit needs On in at most Steps steps."),
               say(["what needs what within how many steps?", "what does {unit} need within {steps} steps?",
                    "within how many steps does {unit} need {on}?"]) ]).

needs_within(Unit, Steps, On) :-
    rank_below(Steps, _),
    needs(Unit, On).
needs_within(Unit, Steps, On) :-
    rank_below(Steps, Fewer),
    needs(Unit, Next),
    needs_within(Next, Fewer, On).

:- catalogue(needed_within(on:atom, steps:integer, unit:atom),
             [ kind(derived), lemma(true),
               doc("On is needed by Unit in at most Steps steps. It is needs_within/3 from the other end."),
               say(["what is needed by what within how many steps?", "what needs {on} within {steps} steps?",
                    "within how many steps is {on} needed by {unit}?"]) ]).

needed_within(On, Steps, Unit) :-
    rank_below(Steps, _),
    needs(Unit, On).
needed_within(On, Steps, Unit) :-
    rank_below(Steps, Fewer),
    needs(Next, On),
    needed_within(Next, Fewer, Unit).

:- catalogue(needs_deep(unit:atom, on:atom),
             [ kind(derived), doc("Unit needs On, directly or through others. Give Unit."),
               say(["what does everything need in the end?", "what does {unit} need, directly or through others?",
                    "does {unit} rely on {on}, even indirectly?"]) ]).

needs_deep(Unit, On) :-
    needs_within(Unit, 32, On).

:- catalogue(needed_by(on:atom, unit:atom),
             [ kind(derived), doc("On is needed by Unit, directly or through others. Give On."),
               say(["what is needed by what, directly or through others?",
                    "what needs {on}, directly or through others?", "what does {unit} hang on in the end?",
                    "is {on} needed by {unit}?"]) ]).

needed_by(On, Unit) :-
    needed_within(On, 32, Unit).

                %   Cycles. A unit that has a chain of 32 needs below it is on a cycle, waits for one, or is too deep.

:- catalogue(need_chain(unit:atom, length:integer),
             [ kind(derived), lemma(true), doc("A chain of Length needs begins at Unit."),
               say(["how long are the chains of needs that begin at each unit?",
                    "how long a chain of needs begins at {unit}?", "where does a chain of {length} needs begin?"]) ]).

need_chain(Unit, 0) :-
    boot_unit(Unit).
need_chain(Unit, Length) :-
    rank_below(Length, Shorter),
    needs(Unit, On),
    need_chain(On, Shorter).

:- catalogue(needed_chain(unit:atom, length:integer),
             [ kind(derived), lemma(true), doc("A chain of Length needs ends at Unit."),
               say(["how long are the chains of needs that end at each unit?",
                    "how long a chain of needs ends at {unit}?", "where does a chain of {length} needs end?"]) ]).

needed_chain(Unit, 0) :-
    boot_unit(Unit).
needed_chain(Unit, Length) :-
    rank_below(Length, Shorter),
    needs(By, Unit),
    needed_chain(By, Shorter).

:- catalogue(boot_blocked(unit:atom),
             [ kind(derived),
               doc("Unit has no place in the boot order. It is on a cycle, waits for one, or is 32 levels deep."),
               say(["what has no place in the boot order?", "is the boot of {unit} blocked?",
                    "what is stuck in a boot cycle or waits for one?"]) ]).

boot_blocked(Unit) :-
    boot_unit(Unit),
    need_chain(Unit, 32).

:- catalogue(knot(unit:atom, on:atom),
             [ kind(derived), lemma(true),
               doc("Unit needs On directly, and both have endless needs below and above. A part of a cycle, or \c
                    between two."),
               say(["which needs are tangled in cycles?", "which tangled needs does {unit} have?",
                    "what needs {on} in a knot of cycles?"]) ]).

knot(Unit, On) :-
    needs(Unit, On),
    need_chain(On, 32),
    needed_chain(Unit, 32).

:- catalogue(knot_within(unit:atom, steps:integer, on:atom),
             [ kind(derived), lemma(true),
               doc("Unit comes to On in at most Steps steps along cycles of needs. They are steps of knot/2."),
               say(["what comes to what through a knot, and in how many steps?",
                    "what does {unit} come to within {steps} steps of a knot?",
                    "in how many steps of a knot does {unit} come to {on}?"]) ]).

knot_within(Unit, Steps, On) :-
    rank_below(Steps, _),
    knot(Unit, On).
knot_within(Unit, Steps, On) :-
    rank_below(Steps, Fewer),
    knot(Unit, Next),
    knot_within(Next, Fewer, On).

:- catalogue(boot_cycle(unit:atom, on:atom),
             [ kind(derived),
               doc("Unit needs On directly, and On needs Unit in the end. One edge of a cycle of at most 33 \c
                    units."),
               say(["which units need each other in a cycle?", "is {unit} on a boot cycle?",
                    "what needs {on} in a boot cycle?", "are there circular dependencies?"]) ]).

boot_cycle(Unit, On) :-
    knot(Unit, On),
    knot_within(On, 32, Unit).

                %   The order: levels. What is on one level may start at the same time.

:- catalogue(boot_height(unit:atom, height:integer),
             [ kind(derived), lemma(true), doc("A chain of Height needs begins at Unit, which no cycle blocks."),
               say(["how high does each unit stand in the boot order?",
                    "which heights does {unit} have in the boot order?", "what stands at height {height}?"]) ]).

boot_height(Unit, 0) :-
    boot_unit(Unit),
    \+ need_chain(Unit, 32).
boot_height(Unit, Height) :-
    boot_unit(Unit),
    \+ need_chain(Unit, 32),
    needs(Unit, On),
    boot_height(On, Below),
    Height is Below + 1.

:- catalogue(boot_level(unit:atom, level:integer),
             [ kind(derived), lemma(true),
               doc("Unit boots at level Level. Level 0 needs nothing, and each unit is above all that it needs. \c
                    No answer for a blocked unit."),
               say(["in which order does everything boot?", "at which level does {unit} boot?",
                    "what boots at level {level}?", "when does {unit} come up in the boot order?"]) ]).

boot_level(Unit, Level) :-
    boot_unit(Unit),
    aggregate_all(max(Height), boot_height(Unit, Height), Level).

:- catalogue(boot_root(unit:atom),
             [ kind(derived), doc("The boot begins at Unit, which needs nothing and which others need."),
               say(["what boots first?", "where does the boot begin?", "is {unit} a root of the boot order?"]) ]).

boot_root(Unit) :-
    boot_unit(Unit),
    \+ needs(Unit, _),
    aggregate_all(count, needs(_, Unit), Dependents),
    Dependents > 0.

:- catalogue(clear_boot_root(unit:atom),
             [ kind(derived), doc("Unit is the one root of the boot order."),
               say(["is there one clear root of the boot order?",
                    "what is the one thing that everything boots from?",
                    "is {unit} the only root of the boot order?"]) ]).

clear_boot_root(Unit) :-
    boot_root(Unit),
    aggregate_all(count, boot_root(_), Roots),
    Roots =:= 1.

:- catalogue(starts_too_early(unit:atom, on:atom),
             [ kind(derived),
               doc("Unit needs On directly, but is configured to start before it or together with it."),
               say(["what is configured to start too early?", "does {unit} start before something that it needs?",
                    "what starts before {on} although it needs it?"]) ]).

starts_too_early(Unit, On) :-
    start_order(Unit, Order),
    needs(Unit, On),
    start_order(On, OnOrder),
    Order =< OnOrder.

                %   Booting, step by step.

:- catalogue(unit_running(unit:atom),
             [ kind(derived), doc("Unit is a node that is up or a VM that is running, by fresh evidence."),
               say(["what is running?", "is {unit} known to run?", "which nodes and VMs are running?"]) ]).

unit_running(Unit) :-
    node_status(Unit, up).
unit_running(Unit) :-
    vm_state(Unit, running).

:- catalogue(waits_for(unit:atom, on:atom),
             [ kind(derived), doc("Unit cannot start yet, because it needs On directly, which is not known to run."),
               say(["what is waiting for what?", "what is {unit} waiting for?", "what waits for {on}?",
                    "what keeps {unit} from starting?"]) ]).

waits_for(Unit, On) :-
    boot_unit(Unit),
    needs(Unit, On),
    \+ unit_running(On).

:- catalogue(ready_to_boot(unit:atom),
             [ kind(derived), doc("Unit is not known to run, and all that it needs directly does."),
               say(["what could be started now?", "is {unit} ready to boot?",
                    "which units have all that they need, but do not run?"]) ]).

ready_to_boot(Unit) :-
    boot_unit(Unit),
    \+ unit_running(Unit),
    \+ waits_for(Unit, _).
