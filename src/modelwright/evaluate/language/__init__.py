"""What a language model can do beside predicting: endings and answers chosen by likelihood, instructions followed, texts repeated."""
