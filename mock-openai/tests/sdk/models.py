"""Lists the models."""
import json

from client import client

models = list(client.models.list())
print(json.dumps({"ids": [model.id for model in models], "object": models[0].object}))
