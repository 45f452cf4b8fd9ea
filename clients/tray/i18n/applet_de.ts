<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE">
<context>
    <name>virtpind::tray::Applet</name>
    <message numerus="yes">
        <source>%n guest(s) are not as asked</source>
        <translation>
            <numerusform>%n Gast ist nicht wie gewünscht</numerusform>
            <numerusform>%n Gäste sind nicht wie gewünscht</numerusform>
        </translation>
    </message>
    <message>
        <source>Show map</source>
        <translation>Karte zeigen</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>Warum</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>%1: this did not work</source>
        <translation>%1: das hat nicht geklappt</translation>
    </message>
    <message>
        <source>A guest</source>
        <translation>Ein Gast</translation>
    </message>
    <message>
        <source>This desktop has no place for tray icons. On GNOME, the extension AppIndicator makes one (package gnome-shell-extension-appindicator). This map opens whenever virtpind-applet is started.</source>
        <translation>Diese Arbeitsfläche hat keinen Platz für Symbole. Unter GNOME schafft ihn die Erweiterung AppIndicator (Paket gnome-shell-extension-appindicator). Diese Karte öffnet sich, wann immer virtpind-applet gestartet wird.</translation>
    </message>
    <message>
        <source>virtpind has no place for its icon</source>
        <translation>virtpind hat keinen Platz für sein Symbol</translation>
    </message>
    <message>
        <source>Check of the guests</source>
        <translation>Prüfung der Gäste</translation>
    </message>
    <message>
        <source>The service&apos;s answer cannot be read.</source>
        <translation>Die Antwort des Dienstes ist nicht zu lesen.</translation>
    </message>
    <message>
        <source>Take everything back?</source>
        <translation>Alles zurücknehmen?</translation>
    </message>
    <message>
        <source>Take back all that virtpind did to %1?</source>
        <translation>Alles zurücknehmen, was virtpind an %1 getan hat?</translation>
    </message>
    <message>
        <source>Its policy is removed, and it gets the pins that it had before virtpind.</source>
        <translation>Seine Richtlinie wird entfernt, und der Gast erhält die Anheftung, die er vor virtpind hatte.</translation>
    </message>
    <message>
        <source>Take back</source>
        <translation>Zurücknehmen</translation>
    </message>
    <message numerus="yes">
        <source>%n guest(s) are pinned again, as virtpind was restarted</source>
        <translation>
            <numerusform>%n Gast wird wieder angeheftet, da virtpind neu gestartet wurde</numerusform>
            <numerusform>%n Gäste werden wieder angeheftet, da virtpind neu gestartet wurde</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>virtpind::tray::GuestMenu</name>
    <message>
        <source>From its next start only</source>
        <translation>Erst ab seinem nächsten Start</translation>
    </message>
    <message>
        <source>Keep the host off its CPUs</source>
        <translation>Den Host von seinen CPUs fernhalten</translation>
    </message>
    <message>
        <source>Pause pinning while this applet runs</source>
        <translation>Anheften anhalten, solange dieses Programm läuft</translation>
    </message>
    <message>
        <source>Why is it here…</source>
        <translation>Warum ist er hier …</translation>
    </message>
    <message>
        <source>Pin again</source>
        <translation>Neu anheften</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>Take everything back…</source>
        <translation>Alles zurücknehmen …</translation>
    </message>
    <message>
        <source>Undo: no policy of its own</source>
        <translation>Rückgängig: keine eigene Richtlinie</translation>
    </message>
    <message>
        <source>Undo: back to %1</source>
        <translation>Rückgängig: wieder %1</translation>
    </message>
</context>
<context>
    <name>virtpind::tray::MapWidget</name>
    <message>
        <source>Map of the host</source>
        <translation>Karte des Hosts</translation>
    </message>
    <message>
        <source>There is nothing to draw: the service does not tell the host&apos;s layout.</source>
        <translation>Es gibt nichts zu zeichnen: Der Dienst nennt den Aufbau des Hosts nicht.</translation>
    </message>
</context>
<context>
    <name>virtpind::tray::MapWindow</name>
    <message>
        <source>Where the guests are</source>
        <translation>Wo die Gäste sind</translation>
    </message>
    <message>
        <source>Guests</source>
        <translation>Gäste</translation>
    </message>
    <message>
        <source>The selected guest</source>
        <translation>Der gewählte Gast</translation>
    </message>
    <message>
        <source>Select a guest to see why it is where it is.</source>
        <translation>Wählen Sie einen Gast, um zu sehen, warum er dort ist.</translation>
    </message>
</context>
<context>
    <name>virtpind::tray::TrayMenu</name>
    <message>
        <source>Show map…</source>
        <translation>Karte zeigen …</translation>
    </message>
    <message>
        <source>Check the guests…</source>
        <translation>Gäste prüfen …</translation>
    </message>
    <message>
        <source>Pause pinning of all running guests</source>
        <translation>Anheften aller laufenden Gäste anhalten</translation>
    </message>
    <message>
        <source>Tell me when a guest is not as asked</source>
        <translation>Melden, wenn ein Gast nicht wie gewünscht ist</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
    <message numerus="yes">
        <source>More (%n guest(s))</source>
        <translation>
            <numerusform>Weitere (%n Gast)</numerusform>
            <numerusform>Weitere (%n Gäste)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>virtpind::tray::Words</name>
    <message>
        <source>virtpind: looking for the service</source>
        <translation>virtpind: der Dienst wird gesucht</translation>
    </message>
    <message>
        <source>virtpind: the message bus is gone</source>
        <translation>virtpind: der Nachrichtenbus ist fort</translation>
    </message>
    <message>
        <source>virtpind is not running</source>
        <translation>virtpind läuft nicht</translation>
    </message>
    <message>
        <source>virtpind: access is denied</source>
        <translation>virtpind: der Zugriff ist verweigert</translation>
    </message>
    <message>
        <source>virtpind: the service answers what this applet does not understand</source>
        <translation>virtpind: der Dienst antwortet, was dieses Programm nicht versteht</translation>
    </message>
    <message>
        <source>virtpind is starting</source>
        <translation>virtpind startet</translation>
    </message>
    <message>
        <source>virtpind is waiting for libvirt</source>
        <translation>virtpind wartet auf libvirt</translation>
    </message>
    <message>
        <source>virtpind cannot reach libvirt</source>
        <translation>virtpind erreicht libvirt nicht</translation>
    </message>
    <message>
        <source>virtpind is stopping</source>
        <translation>virtpind hält an</translation>
    </message>
    <message numerus="yes">
        <source>virtpind: pinning of %n guest(s) is paused</source>
        <translation>
            <numerusform>virtpind: das Anheften von %n Gast ist angehalten</numerusform>
            <numerusform>virtpind: das Anheften von %n Gästen ist angehalten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>virtpind: %n guest(s) not as asked</source>
        <translation>
            <numerusform>virtpind: %n Gast ist nicht wie gewünscht</numerusform>
            <numerusform>virtpind: %n Gäste sind nicht wie gewünscht</numerusform>
        </translation>
    </message>
    <message>
        <source>virtpind: everything is as asked</source>
        <translation>virtpind: alles ist wie gewünscht</translation>
    </message>
    <message>
        <source>%1; it is started by: %2</source>
        <translation>%1; gestartet wird es mit: %2</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message numerus="yes">
        <source>%n core(s)</source>
        <translation>
            <numerusform>%n Kern</numerusform>
            <numerusform>%n Kerne</numerusform>
        </translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message numerus="yes">
        <source>%n L3(s)</source>
        <translation>
            <numerusform>%n L3</numerusform>
            <numerusform>%n L3</numerusform>
        </translation>
    </message>
    <message>
        <source>host %1</source>
        <translation>Host %1</translation>
    </message>
    <message>
        <source>pool %1</source>
        <translation>Vorrat %1</translation>
    </message>
    <message>
        <source>pinned</source>
        <translation>angeheftet</translation>
    </message>
    <message numerus="yes">
        <source>%n vCPU(s) on %1</source>
        <translation>
            <numerusform>%n vCPU auf %1</numerusform>
            <numerusform>%n vCPUs auf %1</numerusform>
        </translation>
    </message>
    <message>
        <source>%1, floats</source>
        <translation>%1, schwebt</translation>
    </message>
    <message>
        <source>%1, floats on %2</source>
        <translation>%1, schwebt auf %2</translation>
    </message>
    <message>
        <source>partly pinned</source>
        <translation>teilweise angeheftet</translation>
    </message>
    <message>
        <source>not pinned, it failed</source>
        <translation>nicht angeheftet, es schlug fehl</translation>
    </message>
    <message>
        <source>pinning is paused</source>
        <translation>Anheften ist angehalten</translation>
    </message>
    <message>
        <source>pinned by someone else</source>
        <translation>von jemand anderem angeheftet</translation>
    </message>
    <message>
        <source>is being pinned</source>
        <translation>wird angeheftet</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>left alone</source>
        <translation>in Ruhe gelassen</translation>
    </message>
    <message>
        <source>waits for its next start</source>
        <translation>wartet auf seinen nächsten Start</translation>
    </message>
    <message>
        <source>paused: %1</source>
        <translation>angehalten: %1</translation>
    </message>
    <message>
        <source>CPUs of its own</source>
        <translation>eigene CPUs</translation>
    </message>
    <message>
        <source>whole cores, and the guest knows them</source>
        <translation>ganze Kerne, und der Gast kennt sie</translation>
    </message>
    <message>
        <source>floats on the pool</source>
        <translation>schwebt auf dem Vorrat</translation>
    </message>
    <message>
        <source>virtpind chooses</source>
        <translation>virtpind wählt</translation>
    </message>
    <message>
        <source>virtpind leaves it alone</source>
        <translation>virtpind lässt ihn in Ruhe</translation>
    </message>
    <message>
        <source>Package %1</source>
        <translation>Prozessor %1</translation>
    </message>
    <message>
        <source>Node %1</source>
        <translation>Knoten %1</translation>
    </message>
    <message>
        <source>L3 #%1</source>
        <translation>L3 #%1</translation>
    </message>
    <message>
        <source>CPU %1, core %2</source>
        <translation>CPU %1, Kern %2</translation>
    </message>
    <message>
        <source>an efficiency core</source>
        <translation>ein Effizienzkern</translation>
    </message>
    <message>
        <source>a low-power core</source>
        <translation>ein Sparkern</translation>
    </message>
    <message>
        <source>vCPU %1 of %2</source>
        <translation>vCPU %1 von %2</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>und %n weitere</numerusform>
            <numerusform>und %n weitere</numerusform>
        </translation>
    </message>
    <message>
        <source>kept for the host</source>
        <translation>dem Host vorbehalten</translation>
    </message>
    <message>
        <source>in the pool, where guests float</source>
        <translation>im Vorrat, auf dem Gäste schweben</translation>
    </message>
    <message>
        <source>isolated from the scheduler</source>
        <translation>vom Scheduler abgetrennt</translation>
    </message>
    <message>
        <source>offline</source>
        <translation>abgeschaltet</translation>
    </message>
    <message>
        <source>no vCPU is here</source>
        <translation>hier ist keine vCPU</translation>
    </message>
    <message>
        <source>Policy: %1</source>
        <translation>Richtlinie: %1</translation>
    </message>
    <message>
        <source>Emulator on %1</source>
        <translation>Emulator auf %1</translation>
    </message>
    <message>
        <source>Memory on node %1</source>
        <translation>Speicher auf Knoten %1</translation>
    </message>
    <message>
        <source>A guest</source>
        <translation>Ein Gast</translation>
    </message>
    <message>
        <source>%1 floats</source>
        <translation>%1 schwebt</translation>
    </message>
    <message>
        <source>%1 is not pinned</source>
        <translation>%1 ist nicht angeheftet</translation>
    </message>
    <message>
        <source>%1 is not as asked</source>
        <translation>%1 ist nicht wie gewünscht</translation>
    </message>
    <message>
        <source>%1 is as asked again</source>
        <translation>%1 ist wieder wie gewünscht</translation>
    </message>
    <message>
        <source>%1 is pinned again</source>
        <translation>%1 wird wieder angeheftet</translation>
    </message>
    <message>
        <source>Its pause ended as virtpind was restarted.</source>
        <translation>Die Pause endete, weil virtpind neu gestartet wurde.</translation>
    </message>
    <message>
        <source>Guests stay where they are, and new ones are not pinned.</source>
        <translation>Gäste bleiben, wo sie sind, und neue werden nicht angeheftet.</translation>
    </message>
    <message>
        <source>virtpind is running again</source>
        <translation>virtpind läuft wieder</translation>
    </message>
    <message>
        <source>Guests stay where they are.</source>
        <translation>Gäste bleiben, wo sie sind.</translation>
    </message>
    <message>
        <source>virtpind reaches libvirt again</source>
        <translation>virtpind erreicht libvirt wieder</translation>
    </message>
    <message numerus="yes">
        <source>Nothing is wrong with %n guest(s).</source>
        <translation>
            <numerusform>An %n Gast ist nichts auszusetzen.</numerusform>
            <numerusform>An %n Gästen ist nichts auszusetzen.</numerusform>
        </translation>
    </message>
    <message>
        <source>%1, %2, %3; nothing was changed.</source>
        <translation>%1, %2, %3; nichts wurde geändert.</translation>
    </message>
    <message numerus="yes">
        <source>%n error(s)</source>
        <translation>
            <numerusform>%n Fehler</numerusform>
            <numerusform>%n Fehler</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n warning(s)</source>
        <translation>
            <numerusform>%n Warnung</numerusform>
            <numerusform>%n Warnungen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n note(s)</source>
        <translation>
            <numerusform>%n Hinweis</numerusform>
            <numerusform>%n Hinweise</numerusform>
        </translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Host</translation>
    </message>
    <message>
        <source>   Why it matters: %1</source>
        <translation>   Warum das zählt: %1</translation>
    </message>
    <message>
        <source>   What helps: %1</source>
        <translation>   Was hilft: %1</translation>
    </message>
    <message>
        <source>What the service cannot see, settings of the host among them, is told by: %1</source>
        <translation>Was der Dienst nicht sehen kann, darunter Einstellungen des Hosts, sagt: %1</translation>
    </message>
    <message>
        <source>virtpind did not answer in time; what was asked for may still happen.</source>
        <translation>virtpind hat nicht rechtzeitig geantwortet; was verlangt war, kann noch geschehen.</translation>
    </message>
    <message>
        <source>virtpind is not running.</source>
        <translation>virtpind läuft nicht.</translation>
    </message>
    <message>
        <source>The service is older than this applet and cannot do this.</source>
        <translation>Der Dienst ist älter als dieses Programm und kann das nicht.</translation>
    </message>
    <message>
        <source>You may not change this: %1</source>
        <translation>Das dürfen Sie nicht ändern: %1</translation>
    </message>
</context>
</TS>
