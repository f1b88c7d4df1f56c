:- use_module('../test/world').
:- use_module(library(http/json)).

/** <tests> The language, the prover and the checker; the golden corpus that the TypeScript checker reads too. */

:- begin_tests(language).

test(an_unknown_predicate_is_refused, Code == unknown_predicate) :- refused(shell(ls), Code).
test(a_module_is_refused, Code == unknown_predicate) :- refused(user:node(_), Code).
test(a_cut_is_refused, Code == unknown_predicate) :- refused((node(_), !), Code).
test(an_if_then_else_is_refused, Code == unknown_predicate) :- refused((node(_) -> true ; true), Code).
test(call_n_is_refused, Code == unknown_predicate) :- refused(call(node(_)), Code).
test(a_variable_is_no_goal, Code == type_error) :- refused((node(_), _), Code).
test(a_string_is_no_value, Code == type_error) :- refused(node("a"), Code).
test(a_compound_is_no_value, Code == type_error) :- refused(node(f(x)), Code).
test(an_enumeration_refuses_what_it_does_not_list, Code == type_error) :- refused(node_status(_, upp), Code).
test(integers_and_floats_do_not_mix, Code == mixed_arithmetic) :- refused((node_load(N,L), node_memory(N,M), L > M), Code).
test(integer_division_of_integers_needs_float, Code == mixed_arithmetic) :- refused((node_memory(_,M), _ is M/2), Code).
test(a_power_is_no_function_of_the_language, Code == unknown_predicate) :- refused(_ is 7**(2**26), Code).
test(an_unbound_comparison_is_refused, Code == unbound_argument) :- refused((L > 1, node_load(_,L)), Code).
test(a_free_variable_under_negation_is_refused, Code == free_variable) :- refused((\+ node_up(N,true), node(N)), Code).
test(an_answer_without_value_is_refused, Code == non_ground_answer) :- refused((node(_A) ; node_load(_,_B)), Code).
test(is_does_not_compare, Code == type_error) :- refused((node_load(_,L), L is 1.0), Code).
test(a_cyclic_term_is_refused, Code == type_error) :- X = node(X), refused(X, Code).
test(a_reserved_name_is_no_value, Code == type_error) :- refused(node('$any'), Code).

test(an_integer_literal_beside_a_float_becomes_one, G == (node_load(N,L), L > 1.0+2.0)) :-
    language:check_question((node_load(N,L), L > 1+2), [N,L], G, _).
test(an_aggregate_is_written_with_its_type, G == all(sum(float), L, node_load(N,L), S)) :-
    language:check_question(aggregate_all(sum(L), node_load(N,L), S), [S], G, _).

:- end_tests(language).

:- begin_tests(compute).

value(E, V) :- compute:evaluate(E, V).
fails_with(E, Code) :- catch(( compute:evaluate(E, _), fail ), error(logic(Code, _), _), true).

test(division_truncates_toward_zero, V == -3) :- value(-7 // 2, V).
test(mod_has_the_sign_of_the_divisor, V == 2) :- value(-7 mod 3, V).
test(integers_are_exact, V == 1267650600228229401496703205377) :- value(1267650600228229401496703205376+1, V).
test(there_is_no_negative_zero, V == 0.0) :- value(0.0 * -1.0, V).
test(a_zero_divisor, Code == evaluation_error) :- fails_with(1 // 0, Code).
test(a_float_zero_divisor, Code == evaluation_error) :- fails_with(1.0 / 0.0, Code).
test(an_infinite_result, Code == evaluation_error) :- fails_with(1.0e308 * 10.0, Code).
test(an_integer_past_256_bits, Code == type_error) :- B is 1<<255, fails_with(B*2, Code).
test(mixed_operands, Code == type_error) :- fails_with(1 + 2.0, Code).

:- end_tests(compute).

:- begin_tests(prove).

test(answers_are_distinct_and_in_order, As == [(node(a),node_class(a,nuc)), (node(b),node_class(b,nuc))]) :-
    world([node(b), node(a), node_class(b,nuc), node_class(a,nuc)], W),
    proved(W, 1500000, (node(N), node_class(N,_)), As).
test(equal_facts_in_another_order_give_equal_proofs, P1 == P2) :-
    Facts = [node(a), node(b), vm_memory(v,1), vm_memory(w,2), vm_host(v,a), vm_host(w,a), node_memory(a,9)],
    reverse(Facts, Reversed),
    world(Facts, W1), world(Reversed, W2),
    prove:question(memory_free(N,F), [N,F], proof, Q),
    prove:answers(Q, W1, 1500000, P1), prove:answers(Q, W2, 1500000, P2).
test(a_lemma_stands_once_in_a_proof, Count == 1) :-
    world([node(a), node_up(a,true)], W),
    prove:question((node_status(a,S), node_status(a,S)), [S], proof, Q),
    prove:answers(Q, W, 1500000, [answer(_, Proof)]),
    aggregate_all(count, member(step(_, rule(_, _, _)), Proof), Count).
test(a_proof_written_straight_is_that_of_its_tree, [forall(between(1, 12, Seed)), true(Straight == Trees)]) :-
    random_world(Seed, W),
    findall(Name/Arity, straight:report(Name, Arity, straight(_, _)), Predicates),
    length(Predicates, Count), Count > 40,
    lemma:begin_lemmas(kept),
    findall(Call-Proof, ( member(P, Predicates), found(P, W, Call), call(derived_proof:Call, Proof) ), Straight),
    findall(Call-Proof, ( member(Call-_, Straight), prove:parts_proof([call(Call)], Proof) ), Trees),
    length(Straight, Answers), Answers > 30.
test(a_premise_of_two_solutions_stands_once, Count == 1) :-
    world([node_memory(a,9), vm_host(v,a), vm_memory(v,1), vm_memory(v,2)], W),
    proved(W, 1500000, memory_free(a,6), [memory_free(a,6)]),
    prove:question(memory_free(a,_), [], proof, Q),
    prove:answers(Q, W, 1500000, [answer([], Proof)]),
    aggregate_all(count, member(step(_, fact(vm_host(v,a), _)), Proof), Count).

found(Name/Arity, Site, Call) :-
    functor(Atom, Name, Arity),
    twin:body_goal(Atom, Site, 1500000, [call(Call)], [], Run),
    call(twin:Run).

test(aggregates_over_nothing, C-S == 0-0.0) :-
    world([], W),
    proved(W, 1500000, (aggregate_all(count,node(_),_), aggregate_all(sum(L),node_load(_,L),_)), As),
    As = [(aggregate_all(_,_,C), aggregate_all(_,_,S))].
test(the_maximum_of_nothing_is_no_answer, As == []) :-
    world([], W),
    proved(W, 1500000, aggregate_all(max(L), node_load(_,L), _), As).
test(a_negation_inside_an_aggregate, [R] == [[b]]) :-
    world([node(a), node(b), node_up(a,true)], W),
    proved(W, 1500000, aggregate_all(set(N), (node(N), \+ node_up(N,_)), _), [aggregate_all(_, _, R)]).
test(a_disjunction_is_proved_by_either_side, Count == 2) :-
    world([node(a), node_load(a,0.9), node_temp(a,50.0)], W),
    proved(W, 1500000, (node_load(N,X), X > 0.5 ; node_temp(N,X)), As),
    length(As, Count).
test(forall_holds_of_nothing, As == [true]) :-
    world([], W),
    proved(W, 1500000, forall(node(N), node_up(N,true)), As0), maplist([_,true]>>true, As0, As).
test(forall_fails_for_one_exception, As == []) :-
    world([node(a), node(b), node_up(a,true)], W),
    proved(W, 1500000, forall(node(N), node_up(N,true)), As).
test(top_gives_ties_too, Ns == [a,b]) :-
    world([node_temp(a,70.0), node_temp(b,70.0), node_temp(c,60.0)], W),
    proved(W, 1500000, top(1, T, node_temp(_,T)), As), findall(N, member(top(_,_,node_temp(N,_)), As), Ns).
test(top_two_by_value, Ns == [c,a]) :-
    world([node_temp(a,80.0), node_temp(b,60.0), node_temp(c,70.0)], W),
    proved(W, 1500000, top(2, T, node_temp(_,T)), As), findall(N, member(top(_,_,node_temp(N,_)), As), Ns).
test(top_needs_a_number, Code == type_error) :- refused(top(1, N, node(N)), Code).
test(top_needs_a_count, Code == type_error) :- refused(top(0, T, node_temp(_,T)), Code).
test(a_list_keeps_what_is_equal, L == [1,1]) :-
    world([vm_memory(v,1), vm_memory(w,1)], W),
    proved(W, 1500000, aggregate_all(list(M), vm_memory(_,M), _), [aggregate_all(_, _, L)]).
test(the_clock_is_a_fact, As == [now(1500000)]) :-
    world([], W),
    proved(W, 1500000, now(_), As).

:- end_tests(prove).

:- begin_tests(assume).

what_if(Facts, Ask, Answers) :-
    world(Facts, W),
    prove:ask_parts(Ask, Goal, _, _),
    language:local_variables(Goal, Vars),
    prove:question(Ask, Vars, proof, Question),
    prove:answers(Question, W, 1500000, Pairs),
    findall(Values, ( member(answer(Values, Proof), Pairs),
                      proof_check:check_proof(Proof, Question, Values, [now(1500000)]) ), Answers),
    length(Pairs, Count), length(Answers, Count),
    forall(member(Fact, Facts), ( Fact = stale(_) -> true ; still(W, Fact) )).

still(W, Fact) :- functor(Fact, N, A), catalogue:entry_kind(N, A, Kind), ( Kind == state -> facts:state_fact(W, Fact, _) ; W:Fact ).

bad(List, Code) :- catch(( assume:assumptions(List, _), fail ), error(logic(Code, _), _), true).

test(an_added_fact_takes_the_place_of_the_old_one, As == [[down]]) :-
    what_if([node(a), node_up(a,true)], assuming([node_up(a,false)], node_status(a,_)), As).
test(a_fact_is_taken_away, As == [[unknown]]) :-
    what_if([node(a), node_up(a,true)], assuming([\+ node_up(a,true)], node_status(a,_)), As).
test(inventory_can_be_assumed, As == [[a],[b]]) :-
    what_if([node(a)], assuming([node(b)], node(_)), As).
test(a_stale_fact_can_be_assumed_to_hold, As == [[up]]) :-
    what_if([node(a), stale(node_up(a,true))], assuming([node_up(a,true)], node_status(a,_)), As).
test(an_integer_becomes_the_float_that_is_declared, As == [[3.0]]) :-
    what_if([], assuming([node_load(a,3)], node_load(a,_)), As).
test(a_derived_predicate_cannot_be_assumed, Code == type_error) :- bad([node_status(a,up)], Code).
test(an_unknown_predicate_cannot_be_assumed, Code == unknown_predicate) :- bad([shell(ls)], Code).
test(an_assumption_is_ground, Code == type_error) :- bad([node_up(_,true)], Code).
test(two_values_for_one_key, Code == type_error) :- bad([node_up(a,true), node_up(a,false)], Code).
test(the_same_fact_twice, Code == type_error) :- bad([node(a), \+ node(a)], Code).
test(assumptions_are_a_list, Code == type_error) :- bad(node(a), Code).
test(not_too_many, Code == too_large) :- findall(node(N), ( between(1,33,I), atom_concat(n,I,N) ), L), bad(L, Code).

:- end_tests(assume).

:- begin_tests(explain).

why(Facts, Goal, Why) :-
    world(Facts, W),
    prove:question(why_not(Goal, Why0), [], none, Question),
    prove:answers(Question, W, 1500000, Answers),
    ( Answers = [answer([], Why0)] -> Why = Why0 ; Why = holds ).

test(a_goal_that_holds_has_no_reason, Why == holds) :- why([node(a)], node(a), Why).
test(a_missing_fact, Why == why(node(a), no_fact)) :- why([], node(a), Why).
test(a_stale_fact, Why == why(node_up(a,true), stale(test,500000,1000000))) :- why([stale(node_up(a,true))], node_up(a,true), Why).
test(another_value, Why == why(node_up(a,true), instead(node_up(a,false)))) :- why([node_up(a,false)], node_up(a,true), Why).
test(the_clause_that_came_closest, Why == why(at_risk_of_throttling(a),
        rule(clause(at_risk_of_throttling,1,1), 2, 3, why(45.0 < 10.0, false)))) :-
    why([node(a), node_up(a,true), node_class(a,nuc), node_temp(a,50.0)], at_risk_of_throttling(a), Why).
test(the_failing_part_of_a_conjunction, Why == why((node(a), node_load(a,0.5)), part(1, 2, why(node_load(a,0.5), no_fact)))) :-
    why([node(a)], (node(a), node_load(a,0.5)), Why).
test(what_a_negation_denies_holds, Why == why(\+ node(a), holds)) :- why([node(a)], \+ node(a), Why).
test(an_aggregate_says_its_own_result, Why == why(all(count,[],node('$any'(0)),5), result(1))) :-
    why([node(a)], aggregate_all(count, node(_), 5), Why).
test(only_a_ground_goal, throws(error(logic(unbound_argument, _), _))) :- why([], node(_), _).

:- end_tests(explain).

:- begin_tests(facts).
load(Text, Kind) :-
    tmp_file_stream(text, File, Out), write(Out, Text), close(Out),
    gensym(loaded_, Site), facts:open_site(Site),
    call_cleanup(facts:load_facts(Site, File, Kind), delete_file(File)).

test(a_clause_with_a_body_is_refused, throws(error(logic(bad_fact, _), _))) :- load("node(a) :- shell(ls).", inventory).
test(a_directive_is_refused, throws(error(logic(bad_fact, _), _))) :- load(":- shell(ls).", inventory).
test(a_variable_is_refused, throws(error(logic(bad_fact, _), _))) :- load("node(X).", inventory).
test(a_syntax_error_names_its_place, throws(error(logic(bad_fact, _), _))) :- load("node(a", inventory).
test(state_does_not_belong_in_the_inventory, throws(error(logic(bad_fact, _), _))) :- load("node_up(a,true).", inventory).
test(a_state_fact_needs_evidence, throws(error(logic(bad_fact, _), _))) :- load("node_up(a,true).", state).
test(text_restores_what_was_written, T1 == T2) :-
    world([node_up(a,true), node_load(a,0.25), node_disk_available('\u00c4 node','/srv/x y',7)], W),
    facts:set_revision(W, 41), facts:state_text(W, T1),
    tmp_file_stream(text, File, Out0), close(Out0),
    setup_call_cleanup(open(File, write, Out, [encoding(utf8)]), write(Out, T1), close(Out)),
    facts:open_site(restored),
    call_cleanup(facts:load_facts(restored, File, state), delete_file(File)),
    facts:state_text(restored, T2).
test(a_new_value_takes_the_place_of_the_old_one, Fs == [node_temp(a,2.0)]) :-
    world([node_temp(a,1.0), node_temp(a,2.0)], W),
    findall(F, facts:state_fact(W, F, _), Fs).

:- end_tests(facts).

:- begin_tests(build).

refuses(Text, Code) :-
    setup_call_cleanup(( tmp_file_stream(text, File, Out), write(Out, Text), close(Out) ),
                       catch(( twin:load_core(trial, File), twin:build_twins, fail ), error(logic(Code, _), _), true),
                       ( delete_file(File), retractall(twin:read_clause(_, _, _, _, _)), retractall(catalogue:entry(trial, _, _)),
                         retractall(catalogue:entry(trial2, _, _)), retractall(catalogue:phrasings(trial, _, _)),
                         retractall(twin:core_clause(trial, _, _, _, _, _)), retractall(twin:core_clause(trial2, _, _, _, _, _)) )).

declared(":- catalogue(trial(n:atom), [kind(derived), doc(\"t\"), say([\"is {n} so?\"])]).\n").

trial(Clause, Code) :- declared(D), string_concat(D, Clause, Text), refuses(Text, Code).

test(a_cut_in_a_rule, Code == unknown_predicate) :- trial("trial(N) :- node(N), !.", Code).
test(a_disjunction_in_a_rule, Code == unknown_predicate) :- trial("trial(N) :- node(N) ; logic_node(N).", Code).
test(a_catch_in_a_rule, Code == unknown_predicate) :- trial("trial(N) :- catch(node(N),_,true).", Code).
test(a_head_variable_without_value, Code == non_ground_answer) :- trial("trial(_).", Code).
test(a_negation_through_recursion, Code == unknown_predicate) :- trial("trial(N) :- node(N), \\+ trial(N).", Code).
test(another_directive, Code == unknown_predicate) :- trial(":- initialization(shell(ls)).", Code).
test(an_undeclared_head, Code == unknown_predicate) :- refuses("trial(a).", Code).

:- end_tests(build).

:- begin_tests(phrasings).

says(Phrasings, Kept) :-
    call_cleanup(( catalogue:declare(trial, said(node:atom, temp:float), [kind(derived), doc("t"), say(Phrasings)]),
                   catalogue:phrasings(said, 2, Kept) ),
                 ( retractall(catalogue:entry(said, _, _)), retractall(catalogue:phrasings(said, _, _)) )).

test(an_example_question_binds_arguments_by_their_names, Say == ["how hot is {node}?", "is {node} at {temp}?"]) :-
    says(["how hot is {node}?", "is {node} at {temp}?"], Say).
test(a_placeholder_that_is_no_argument, [forall(member(Text, ["is {vm} up?", "is {} up?", "is {node up?", "is node} up?", "is {{node}} up?"])),
                                         error(domain_error(phrasing, Text))]) :-
    says([Text], _).
test(a_predicate_without_an_example, error(domain_error(phrasings, []))) :- says([], _).
test(an_example_is_text, error(type_error(_, _))) :- says([how], _).
test(every_predicate_has_three_to_five_and_one_that_binds_nothing, Others == []) :-
    findall(Name/Arity,
            ( catalogue:entry(Name, Arity, _),
              \+ ( catalogue:phrasings(Name, Arity, Say), length(Say, Length), between(3, 5, Length),
                   member(Open, Say), \+ sub_string(Open, _, _, _, "{") ) ),
            Others).
test(the_first_sentence_of_each_doc_names_every_argument, Unnamed == []) :-
    findall(Name/Arity-Argument,
            ( catalogue:entry(Name, Arity, entry(_, Arguments, _, _, _, Doc)), split_string(Doc, ".", "", [Sentence|_]),
              member(argument(Argument, _, _, _), Arguments), \+ names(Sentence, Argument) ),
            Unnamed).
test(no_example_stands_for_two_predicates, Twice == []) :-
    findall(Text, ( catalogue:phrasings(_, _, Say), member(Text, Say) ), Texts),
    findall(Text, ( select(Text, Texts, Rest), memberchk(Text, Rest) ), Twice).

%   A boolean is named by its two values.
names(Sentence, Argument) :-
    restyle_identifier('OneTwo', Argument, Name),
    sub_string(Sentence, _, _, _, Name),
    !.
names(Sentence, Argument) :-
    memberchk(Argument, [up,on_battery,maintenance]),
    sub_string(Sentence, _, _, _, "(true) or "),
    sub_string(Sentence, _, _, _, "(false)").

:- end_tests(phrasings).

:- begin_tests(golden).

golden(File, Case) :-
    module_property(world, file(World)),
    file_directory_name(World, Test),
    atom_concat(Test, '/golden', Dir),
    directory_files(Dir, Names),
    member(Name, Names),
    file_name_extension(_, json, Name),
    atomic_list_concat([Dir, /, Name], File),
    setup_call_cleanup(open(File, read, In, [encoding(utf8)]), json_read_dict(In, Case), close(In)).

judge(Case, Verdict) :-
    term_string(Goal, Case.query, [variable_names(Bindings)]),
    language:answer_variables(Goal, Bindings, Named),
    vars_of(Named, Vars),
    prove:question(Goal, Vars, proof, Question),
    maplist(term_string, Values, Case.values),
    term_string(Proof, Case.proof),
    catch(( proof_check:check_proof(Proof, Question, Values, [now(Case.now)]), Verdict = accepted ),
          error(logic(Code, _), _),
          Verdict = Code).

vars_of([], []).
vars_of([_=V|T0], [V|T]) :- vars_of(T0, T).

test(the_corpus_is_there) :- aggregate_all(count, golden(_, _), Count), Count >= 5.
test(every_golden_proof_is_accepted, [forall(golden(File, Case)), true(File-Verdict == File-accepted)]) :- judge(Case, Verdict).
test(every_mutated_golden_is_rejected, [forall(mutant(File, Name, Case, Code)), true(File/Name-Refusal == File/Name-Code)]) :-
    judge(Case, Refusal).

mutant(File, Name, Mutant, Code) :-
    golden(File, Case),
    get_dict(mutations, Case, Mutations),
    member(Mutation, Mutations),
    get_dict(name, Mutation, Name),
    get_dict(code, Mutation, CodeText),
    atom_string(Code, CodeText),
    put_dict(Mutation, Case, Mutant).

:- end_tests(golden).
