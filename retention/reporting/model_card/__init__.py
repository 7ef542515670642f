"""What people read of a model: plots, the model card, the reasons for a customer."""
