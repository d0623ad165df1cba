"""What the response model is made of: how good a borrower is anyway, what each arm changes, what is saved and scored."""
