"""Pairs of news, written by us: the same told twice, and different things told alike."""
# ruff: noqa: E501 - a pair reads better on its lines

# (headline, summary) twice
SAME = [
    (
        ("Uppsalabolag får 40 miljoner för ny cancerterapi", "Bolaget Lymfia tar in 40 miljoner kronor från tre fonder. Pengarna ska ta behandlingen till kliniska studier under 2027."),
        ("Lymfia får 40 miljoner till ny cancerterapi", "Bolaget Lymfia tar in 40 miljoner kronor från tre fonder. Pengarna ska ta behandlingen till kliniska studier under 2027, säger vd Karin Ek."),
    ),
    (
        ("Nytt labb för kryomikroskopi öppnar i hus 3", ""),
        ("Nytt labb för kryomikroskopi öppnar i Hus 3!", ""),
    ),
    (
        ("Parken växer: femton nya bolag under hösten", "Femton bolag har flyttat in i parken sedan augusti. Flest arbetar med diagnostik och med material."),
        ("Femton nya bolag under hösten – parken växer", "Sedan augusti har femton bolag flyttat in. Flest arbetar med diagnostik och med material."),
    ),
    (
        ("Pressmeddelande: Cellgruppen utser ny vd", "Styrelsen för Cellgruppen har utsett Maria Lind till ny verkställande direktör. Hon tillträder den 1 februari och kommer närmast från Biokraft."),
        ("Cellgruppen utser ny vd", "Styrelsen för Cellgruppen har utsett Maria Lind till ny verkställande direktör. Hon tillträder den 1 februari."),
    ),
    (
        ("Frukostseminarium om AI i vården 3 december", "Kom och lyssna på tre korta föredrag om hur AI används på akuten i Uppsala. Anmäl dig senast fredag."),
        ("AI i vården: frukostseminarium 3 december", "Tre korta föredrag om hur AI används på akuten i Uppsala. Anmäl dig senast fredag."),
    ),
    (
        ("Forskare hittar nytt sätt att återvinna batterier", "En forskargrupp har visat hur litium kan utvinnas ur gamla bilbatterier med vatten och svag syra. Metoden prövas nu i större skala."),
        ("Forskargrupp: så kan gamla batterier återvinnas på nytt sätt", "En forskargrupp har visat hur litium kan utvinnas ur gamla bilbatterier med vatten och svag syra."),
    ),
    (
        ("New cryo-electron microscope opens to companies", "From January, companies in the park can book time at the new microscope, the first of its kind in the region."),
        ("New cryo electron microscope opens to companies", "From January companies in the park can book time at the new microscope."),
    ),
    (
        ("Ansök till vårens acceleratorprogram", "Programmet är för unga bolag inom livsvetenskap. Tio platser finns, och coachningen är utan kostnad."),
        ("Ansök till acceleratorprogrammet i vår", "Programmet är för unga bolag inom livsvetenskap. Tio platser finns, och coachningen är utan kostnad."),
    ),
    (
        ("Växthuset får nya labblokaler, öppnar i mars", "Tre våningar med våta labb i Växthuset står klara i mars. Bolag i tidig fas kan anmäla intresse nu."),
        ("Nya labblokaler i Växthuset öppnar i mars", "Tre våningar med våta labb står klara i mars. Intresseanmälan är öppen nu för bolag i tidig fas, säger parkens vd."),
    ),
    (
        ("Vinnare av årets innovationspris klara", ""),
        ("Vinnarna av årets innovationspris är klara", ""),
    ),
    (
        ("Ljusgården byggs om &amp; stänger i juni", ""),
        ("Ljusgården byggs om och stänger i juni", ""),
    ),
]  # fmt: skip

DIFFERENT = [
    (("Frukostseminarium om AI 3 december", ""), ("Frukostseminarium om AI 10 december", "")),
    (("Nyhetsbrev nr 11", ""), ("Nyhetsbrev nr 12", "")),
    (("Öppet hus", ""), ("Öppet hus på torsdag", "")),
    (("Lunchföreläsning i oktober", ""), ("Lunchföreläsning i november", "")),
    (("Vi söker en laboratorieingenjör", "Tjänsten är på heltid med tillträde i mars. Du arbetar nära våra forskare i hus 2."), ("Vi söker en ekonomiassistent", "Tjänsten är på halvtid med tillträde i maj. Du arbetar nära vår ekonomichef och sköter löner.")),
    (("Lymfia får 40 miljoner", ""), ("Lymfia får 4 miljoner", "")),
    (("Cellgruppen utser ny vd", ""), ("Biokraft utser ny vd", "")),
    (("Parken växer: femton nya bolag under hösten", "Femton bolag har flyttat in."), ("Parken växer: nytt hus ska stå klart om två år", "Huset får sex våningar och ett växthus på taket. Bygget börjar när marken har tinat.")),
    (("Nya bolag i parken: Lymfia", "Lymfia utvecklar en behandling mot lymfom och flyttar in med sex personer på plan två i hus ett."), ("Nya bolag i parken: Kalkyl", "Kalkyl bygger programvara för labb och flyttar in med tre personer på plan fyra i hus tre.")),
    (("Möt forskaren: Anna Ek", ""), ("Möt forskaren: Olle Alm", "")),
    (("Fika på fredag", ""), ("Fika på torsdag", "")),
    (("Stipendium för unga forskare", "Sök senast den 1 mars. Stipendiet är på femtio tusen kronor och går till en forskare under trettiofem."), ("Pris till ung forskare", "Priset delades ut på universitetets högtid i aulan, och hyllades med musik av studenternas blåsorkester.")),
    (("Seminarium: patent för nybörjare", ""), ("Seminarium: patent för proffs", "")),
    (("Welcome our new tenant Kalkyl", ""), ("Welcome our new tenant Lymfia", "")),
    (("Forskningsparken välkomnar den nya hyresgästen Kalkyl till hus tre på Fjällängen", ""), ("Forskningsparken välkomnar den nya hyresgästen Lymfia till hus tre på Fjällängen", "")),
    (("Nytt från styrelsen i parken", "Styrelsen har antagit budgeten för nästa år, och satsar på fler gemensamma labb."), ("Nytt från styrelsen i parken", "Vid mötet i veckan valdes Britta Holm till ordförande efter tio år med Nils Berg vid klubban.")),
    (("Sommarstängt i receptionen", ""), ("Julstängt i receptionen", "")),
]  # fmt: skip
