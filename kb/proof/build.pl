/** <module> Generate kb/manifest.json: npm run manifest

    $ swipl -q kb/proof/build.pl -- kb/manifest.json
*/

:- use_module('../main').
:- use_module(manifest).

:- initialization(main, main).

main([File]) :-
    module_property(manifest, file(Source)),
    file_directory_name(Source, Proof),
    file_directory_name(Proof, KbDir),
    write_manifest(KbDir, File).
