"""Tables I to IV of Le 2023: data, trainings, company, page; resumed by the same command."""
