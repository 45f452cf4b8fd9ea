<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US">
<context>
    <name>virtpind::tray::Applet</name>
    <message numerus="yes">
        <source>%n guest(s) are not as asked</source>
        <translation>
            <numerusform>%n guest is not as asked</numerusform>
            <numerusform>%n guests are not as asked</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n guest(s) are pinned again, as virtpind was restarted</source>
        <translation>
            <numerusform>%n guest is pinned again, as virtpind was restarted</numerusform>
            <numerusform>%n guests are pinned again, as virtpind was restarted</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>virtpind::tray::TrayMenu</name>
    <message numerus="yes">
        <source>More (%n guest(s))</source>
        <translation>
            <numerusform>More (%n guest)</numerusform>
            <numerusform>More (%n guests)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>virtpind::tray::Words</name>
    <message numerus="yes">
        <source>virtpind: pinning of %n guest(s) is paused</source>
        <translation>
            <numerusform>virtpind: pinning of %n guest is paused</numerusform>
            <numerusform>virtpind: pinning of %n guests is paused</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>virtpind: %n guest(s) not as asked</source>
        <translation>
            <numerusform>virtpind: %n guest is not as asked</numerusform>
            <numerusform>virtpind: %n guests are not as asked</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n core(s)</source>
        <translation>
            <numerusform>%n core</numerusform>
            <numerusform>%n cores</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n L3(s)</source>
        <translation>
            <numerusform>%n L3</numerusform>
            <numerusform>%n L3s</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n vCPU(s) on %1</source>
        <translation>
            <numerusform>%n vCPU on %1</numerusform>
            <numerusform>%n vCPUs on %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Nothing is wrong with %n guest(s).</source>
        <translation>
            <numerusform>Nothing is wrong with %n guest.</numerusform>
            <numerusform>Nothing is wrong with %n guests.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n error(s)</source>
        <translation>
            <numerusform>%n error</numerusform>
            <numerusform>%n errors</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n warning(s)</source>
        <translation>
            <numerusform>%n warning</numerusform>
            <numerusform>%n warnings</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n note(s)</source>
        <translation>
            <numerusform>%n note</numerusform>
            <numerusform>%n notes</numerusform>
        </translation>
    </message>
</context>
</TS>
