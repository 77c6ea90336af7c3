"""What acts: facts gathered from watches, decisions carried out, loops kept running. It decides nothing."""
