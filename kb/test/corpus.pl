:- module(corpus,
          [ golden_world/1,             % -Facts
            golden_answer/6,            % +Text, +Site, -Question, -Names, -Values, -Proof
            golden_texts/3,             % +Text, -ValueTexts, -ProofText
            text/2                      % +Term, -Text
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(world).

/** <module> What the golden corpus is about: its world, and how a question of it is proved

Apart from golden.pl, which writes the files, so that another SWI-Prolog can prove them again with nothing but kb
(shared/test/second-prolog.test.ts).
*/

%!  golden_world(-Facts) is det.

golden_world([ node(sentry), node(pve1), node(pve2), node(nas), logic_node(sentry),
               node_class(pve1,nuc), node_class(pve2,nuc), node_class(nas,server),
               node_memory(pve1,32768), node_memory(pve2,32768), vm_memory(web,4096), vm_memory(database,8192), vm_memory(media,24576),
               cluster_member(home,pve1), cluster_member(home,pve2), cluster_member(home,nas),
               node_zone(pve1,servers), node_zone(nas,storage), firewall_rule(1,servers,storage,nfs,allow),
               node_up(pve1,true), node_up(pve2,true), node_up(sentry,true), stale(node_up(nas,true)),
               node_temp(pve1,88.5), node_temp(pve2,61.0), node_load(pve1,0.62), node_load(pve2,0.18),
               vm_host(web,pve1), vm_host(database,pve1), vm_host(media,pve2),
               vm(web), vm(database), depends_on(web,database), depends_on(pve1,nas) ]).

%!  golden_answer(+Text, +Site, -Question, -Names, -Values, -Proof) is semidet.
%
%   The first answer to the question Text; Names are of its answer variables, in the order of Values.

golden_answer(Text, Site, Question, Names, Values, Proof) :-
    term_string(Ask, Text, [variable_names(Bindings)]),
    prove:ask_parts(Ask, Goal, _, _),
    language:answer_variables(Goal, Bindings, Named),
    pairs(Named, Names, Vars),
    prove:question(Ask, Vars, proof, Question),
    prove:answers(Question, Site, 1500000, [answer(Values, Proof)|_]).

pairs([], [], []).
pairs([N=V|T], [N|Ns], [V|Vs]) :- pairs(T, Ns, Vs).

%!  golden_texts(+Text, -ValueTexts, -ProofText) is semidet.
%
%   The same as canonical text, in a golden world of its own, accepted by the checker.

golden_texts(Text, ValueTexts, ProofText) :-
    golden_world(Facts),
    world(Facts, Site),
    golden_answer(Text, Site, Question, _, Values, Proof),
    proof_check:check_proof(Proof, Question, Values, [now(1500000)]),
    maplist(text, Values, ValueTexts),
    text(Proof, ProofText).

%!  text(+Term, -Text) is det.

text(Term, Text) :-
    with_output_to(string(Text), ( current_output(Out), facts:write_canonical_term(Out, Term) )).
