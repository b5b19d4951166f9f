"""One engine turns a bundle into scores, contributions and answers, for whoever needs them."""
